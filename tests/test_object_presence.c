/* Objects in pictures: from POPE's labels, and from a file in COCO's layout. */
#include "tests/check.h"
#include "tests/dataset_files.h"

#include "datasets/object_presence.h"

#include <math.h>

static size_t number(const struct object_presence *presence, const char *object)
{
    int64_t found = object_presence_find(presence, object);
    if (found < 0)
        fail_msg("there is no %s", object);
    return (size_t)found;
}

static size_t together(const struct object_presence *presence, const char *a, const char *b)
{
    return presence->together[number(presence, a) * presence->n_objects + number(presence, b)];
}

static void a_question_tells_its_object(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    assert_string_equal(pope_object_of("Is there a dining table in the image?", &arena),
                        "dining table");
    assert_string_equal(pope_object_of("Is there an apple in the image?", &arena), "apple");
    assert_string_equal(pope_object_of("Is there an apple in the imange?", &arena), "apple");
    assert_null(pope_object_of("Is there a  in the photo?", &arena));
    assert_null(pope_object_of("Is there a in the image?", &arena));
    assert_null(pope_object_of("What is this?", &arena));
    assert_null(pope_object_of("", &arena));
    arena_release(&arena);
}

static void instances_are_counted_by_picture(void **state)
{
    (void)state;
    struct arena arena;
    struct object_presence presence;
    struct error err = {{0}};
    size_t companion = 99;
    arena_init(&arena);
    assert_ok(object_presence_of_coco(&presence, "tests/data/study/instances.json", &arena, &err),
              err);
    assert_int_equal(presence.n_objects, 3);
    assert_int_equal(presence.n_images, 3);
    assert_int_equal(presence.n_with[number(&presence, "car")], 1); /* two instances, one picture */
    assert_int_equal(presence.n_with[number(&presence, "cup")], 3);
    assert_int_equal(together(&presence, "cup", "car"), 1);
    assert_int_equal(together(&presence, "car", "person"), 0);
    size_t a = (size_t)object_presence_image(&presence, "a.jpg");
    size_t c = (size_t)object_presence_image(&presence, "c.jpg");
    /* A person in a.jpg: 1 of the 3 pictures with a cup has one, none of those with a car. */
    double company = object_presence_company(&presence, a, number(&presence, "person"), &companion);
    assert_true(fabs(company - 1.0 / 3) < 1e-15);
    assert_string_equal(presence.names[companion], "cup");
    assert_true(isnan(object_presence_company(&presence, c, number(&presence, "cup"), NULL)));
    assert_int_equal(object_presence_image(&presence, "d.jpg"), -1);
    assert_int_equal(object_presence_find(&presence, "dog"), -1);
    arena_release(&arena);
}

static void labels_are_counted_once_however_often_they_are_asked(void **state)
{
    (void)state;
    struct dataset set;
    struct arena arena;
    struct object_presence presence;
    struct error err = {{0}};
    arena_init(&arena);
    assert_ok(dataset_open(&set, dataset_kind_find("pope"), NULL, "examples/mini-bench/pope", &err),
              err);
    assert_ok(object_presence_of_labels(&presence, &set, &arena, &err), err);
    size_t sum = 0;
    for (size_t o = 0; o < presence.n_objects; o++)
        sum += presence.n_with[o];
    assert_int_equal(presence.n_objects, 14);
    assert_int_equal(presence.n_images, 100);
    assert_int_equal(sum, 300); /* three a picture, asked in each of three splits */
    dataset_close(&set);
    arena_release(&arena);
}

static void damaged_instances_are_refused_with_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"[]", "instances.json"},
        {"{\"images\": [], \"annotations\": []}", "categories"},
        {"{\"categories\": [{\"id\": 1}], \"images\": [], \"annotations\": []}", "name"},
        {"{\"categories\": [{\"id\": 1, \"name\": \"car\"}], \"images\": [], \"annotations\": []}",
         "no category or no image"},
        {"{\"categories\": [{\"id\": 1, \"name\": \"car\"}], \"images\": [{\"id\": 2, "
         "\"file_name\": \"a.jpg\"}], \"annotations\": [{\"image_id\": 3, \"category_id\": 1}]}",
         "annotations[0]: no record has the id that \"image_id\" names"},
        {"{\"categories\": [{\"id\": 1, \"name\": \"car\"}], \"images\": [{\"id\": 2, "
         "\"file_name\": \"a.jpg\"}], \"annotations\": [{\"image_id\": 2, \"category_id\": "
         "\"1\"}]}",
         "category_id"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct folder folder = folder_create();
        struct arena arena;
        struct object_presence presence;
        struct error err = {{0}};
        char path[128];
        arena_init(&arena);
        folder_write(&folder, "instances.json", cases[i].text);
        snprintf(path, sizeof path, "%s/instances.json", folder.path);
        assert_int_equal(object_presence_of_coco(&presence, path, &arena, &err), STATUS_BAD_FORMAT);
        assert_contains(err.text, cases[i].says);
        arena_release(&arena);
        folder_remove(&folder);
    }
    struct object_presence presence;
    struct error err = {{0}};
    struct arena arena;
    arena_init(&arena);
    assert_int_equal(object_presence_of_coco(&presence, "nowhere.json", &arena, &err),
                     STATUS_NOT_FOUND);
    arena_release(&arena);
}

static void running_out_of_memory_anywhere_is_reported(void **state)
{
    (void)state;
    for (long n = 1;; n++) {
        struct arena arena;
        struct object_presence presence;
        struct error err = {{0}};
        arena_init(&arena);
        fail_allocation(n);
        enum status status =
            object_presence_of_coco(&presence, "tests/data/study/instances.json", &arena, &err);
        int struck = allocation_has_failed();
        fail_allocation(0);
        arena_release(&arena);
        assert_true(status == STATUS_OK || (struck && err.text[0]));
        if (!struck)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_tells_its_object),
        cmocka_unit_test(instances_are_counted_by_picture),
        cmocka_unit_test(labels_are_counted_once_however_often_they_are_asked),
        cmocka_unit_test(damaged_instances_are_refused_with_their_place),
        cmocka_unit_test(running_out_of_memory_anywhere_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
