/* VizWiz-VQA: questions of blind people about their own photographs; one array of records a split.
 * The files have no ids: a question's is its place in the file, from 0, as
 * TRI-ML/vlm-evaluation@d9f5896:vlm_eval/tasks/harnesses/vizwiz.py:50-51,72-73 and LLaVA's
 * llava_test.jsonl have it. */
#include "datasets/vizwiz.h"

#include "datasets/build.h"
#include "datasets/dataset.h"

#include <string.h>

static const char *const variants[] = {"val", "train", "test", NULL};

static const struct vizwiz_split {
    const char *variant;
    bool has_answers;
    size_t n_questions;
    const char *file;
    const char *folders[6]; /* of the pictures; the first is named where there is none */
} splits[] = {
    {"val",
     true,
     4319,
     "val.json",
     {"val", "val_images", "images/val", "vizwiz/val_images", "images", NULL}},
    {"train",
     true,
     20523,
     "train.json",
     {"train", "train_images", "images/train", "vizwiz/train_images", "images", NULL}},
    {"test",
     false,
     8000,
     "test.json",
     {"test", "test_images", "images/test", "vizwiz/test_images", "images", NULL}},
};
enum { N_SPLITS = sizeof splits / sizeof splits[0] };

struct loader {
    struct dataset *set;
    const struct vizwiz_split *split;
    const char *images;
    struct string_pool pool;
    size_t n_odd_types;
};

static bool is_answer_type(const char *type)
{
    return strcmp(type, "yes/no") == 0 || strcmp(type, "number") == 0 ||
           strcmp(type, "other") == 0 || strcmp(type, "unanswerable") == 0;
}

/* What val and train have and test has not. */
static enum status add_answers(struct loader *loader, struct sample *sample, const cJSON *record,
                               const char *place, struct error *err)
{
    int answerable;
    const char *answer_type;
    enum status status;
    if ((status = json_get_int(record, "answerable", place, &answerable, err)) ||
        (status = json_get_string(record, "answer_type", place, &answer_type, err)) ||
        (status = dataset_set_ten_answers(loader->set, sample, json_find(record, "answers"),
                                          &loader->pool, place, err)))
        return status;
    if (answerable != 0 && answerable != 1)
        return fail(err, STATUS_BAD_FORMAT, "%s: \"answerable\" is %d, 0 or 1 is expected", place,
                    answerable);
    struct vizwiz_facts *facts = arena_alloc_small(&loader->set->arena, 1, sizeof *facts);
    if (facts)
        facts->is_answerable = answerable == 1;
    sample->facts = facts;
    sample->category = string_pool_add(&loader->pool, answer_type);
    loader->n_odd_types += !is_answer_type(answer_type);
    return STATUS_OK; /* the set's arena tells of memory */
}

static enum status add_question(void *context, const cJSON *record, const char *place,
                                struct error *err)
{
    struct loader *loader = context;
    const char *image, *question;
    enum status status;
    if ((status = json_get_string(record, "image", place, &image, err)) ||
        (status = dataset_check_image(image, place, err)) ||
        (status = json_get_string(record, "question", place, &question, err)))
        return status;
    struct arena *arena = &loader->set->arena;
    struct sample *sample = dataset_add_sample(loader->set);
    if (sample) {
        sample->id = arena_printf(arena, "%zu", loader->set->n_samples - 1);
        sample->image_name = arena_string(arena, image);
        sample->image_path = arena_printf(arena, "%s/%s", loader->images, image);
        sample->question = arena_string(arena, question);
        if (loader->split->has_answers || json_find(record, "answers"))
            status = add_answers(loader, sample, record, place, err);
    }
    if (!status && arena_failed(arena))
        status = fail(err, STATUS_NO_MEMORY, "%s: out of memory", place);
    return status;
}

static enum status load(struct dataset *set, const char *directory, struct error *err)
{
    struct loader loader = {.set = set};
    for (size_t i = 0; i < N_SPLITS; i++)
        if (strcmp(splits[i].variant, set->variant) == 0)
            loader.split = &splits[i];
    const struct vizwiz_split *split = loader.split;
    static const char *const places[] = {"Annotations", "annotations", "vizwiz", NULL};
    const char *path;
    loader.images = dataset_find_path(&set->arena, directory, split->folders, true);
    if (!loader.images)
        loader.images = arena_printf(&set->arena, "%s/%s", directory, split->folders[0]);
    if (arena_failed(&set->arena))
        return fail(err, STATUS_NO_MEMORY, "out of memory while reading %s", directory);
    enum status status = dataset_find_file(set, directory, split->file, places, &path, err);
    if (status)
        return status;
    string_pool_init(&loader.pool, &set->arena);
    status = dataset_read_records(set, path, NULL, add_question, &loader, err);
    string_pool_release(&loader.pool);
    if (status)
        return status;
    dataset_note_count(set, split->file, "questions", set->n_samples, split->n_questions);
    if (loader.n_odd_types > 0)
        dataset_add_note(set,
                         "%zu questions have an answer_type other than yes/no, number, other, "
                         "unanswerable",
                         loader.n_odd_types);
    return STATUS_OK;
}

const struct dataset_kind dataset_vizwiz = {
    .name = "vizwiz",
    .title = "VizWiz-VQA (blind people's photographs)",
    .variants = variants,
    .expects = "val.json (directly or in Annotations/; other splits by their names) and the "
               "pictures in val/",
    .load = load,
};
