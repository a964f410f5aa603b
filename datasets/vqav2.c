/* VQAv2: questions in one file, the answers of ten annotators to each in another, joined by
 * question_id.  Reference: GT-Vision-Lab/VQA@a013f00 README.md:6-8 and
 * PythonEvaluationTools/vqaEvalDemo.py:15-20 (names and folders);
 * TRI-ML/vlm-evaluation@d9f5896:vlm_eval/tasks/harnesses/vqav2.py:62,82-83. */
#include "datasets/build.h"
#include "datasets/dataset.h"

#include <stdio.h>
#include <string.h>

static const char *const variants[] = {"val", "train", "test-dev", "test", NULL};

static const struct vqa_split {
    const char *variant;
    const char *questions, *annotations; /* file names; NULL: the answers are not public */
    const char *pictures;                /* "val2014": folder, and part of the pictures' names */
    size_t n_questions, n_images;        /* of the official file */
} splits[] = {
    {"val", "v2_OpenEnded_mscoco_val2014_questions.json", "v2_mscoco_val2014_annotations.json",
     "val2014", 214354, 40504},
    {"train", "v2_OpenEnded_mscoco_train2014_questions.json",
     "v2_mscoco_train2014_annotations.json", "train2014", 443757, 82783},
    {"test-dev", "v2_OpenEnded_mscoco_test-dev2015_questions.json", NULL, "test2015", 107394,
     36807},
    {"test", "v2_OpenEnded_mscoco_test2015_questions.json", NULL, "test2015", 447793, 81434},
};
enum { N_SPLITS = sizeof splits / sizeof splits[0] };

/* The ids of a question, to join by. */
struct ids {
    int question, image;
};

struct loader {
    struct dataset *set;
    const struct vqa_split *split;
    const char *images; /* the folder the pictures lie in */
    struct string_pool pool, image_names;
    struct ids *ids; /* of the samples read so far */
    size_t capacity;
    struct string_map index; /* id -> sample */
    size_t next;             /* the sample whose annotation is expected */
    size_t n_odd_types, n_without_id;
    struct arena scratch;
};

static enum status no_memory(const char *place, struct error *err)
{
    return fail(err, STATUS_NO_MEMORY, "%s: out of memory", place);
}

static bool keep_ids(struct loader *loader, struct ids ids)
{
    size_t n = loader->set->n_samples;
    if (n == loader->capacity) {
        size_t capacity = n ? 2 * n : 1024;
        struct ids *more = arena_alloc(&loader->scratch, capacity, sizeof *more);
        if (!more)
            return false;
        if (n > 0)
            memcpy(more, loader->ids, n * sizeof *more);
        loader->ids = more;
        loader->capacity = capacity;
    }
    loader->ids[n] = ids;
    return true;
}

/* Name and path of the picture; questions of one picture mostly follow one another. */
static void set_image(struct loader *loader, struct sample *sample, int image_id)
{
    struct arena *arena = &loader->set->arena;
    if (loader->set->n_samples > 1) {
        const struct sample *last = sample - 1;
        if (loader->ids[loader->set->n_samples - 2].image == image_id) {
            sample->image_name = last->image_name;
            sample->image_path = last->image_path;
            return;
        }
    }
    char name[64];
    snprintf(name, sizeof name, "COCO_%s_%012d.jpg", loader->split->pictures, image_id);
    sample->image_name = string_pool_add(&loader->image_names, name);
    sample->image_path = arena_printf(arena, "%s/%s", loader->images, name);
}

static enum status add_question(void *context, const cJSON *record, const char *place,
                                struct error *err)
{
    struct loader *loader = context;
    struct ids ids;
    const char *question;
    enum status status;
    if ((status = json_get_int(record, "question_id", place, &ids.question, err)) ||
        (status = json_get_int(record, "image_id", place, &ids.image, err)) ||
        (status = json_get_string(record, "question", place, &question, err)))
        return status;
    if (ids.image < 0 || ids.question < 0)
        return fail(err, STATUS_BAD_FORMAT, "%s: an id is below 0", place);
    if (!keep_ids(loader, ids))
        return no_memory(place, err);
    struct sample *sample = dataset_add_sample(loader->set);
    if (!sample)
        return no_memory(place, err);
    sample->id = arena_printf(&loader->set->arena, "%d", ids.question);
    sample->question = string_pool_add(&loader->pool, question);
    set_image(loader, sample, ids.image);
    return arena_failed(&loader->set->arena) ? no_memory(place, err) : STATUS_OK;
}

/* Makes the index; a question that is there twice is refused. */
static enum status index_questions(struct loader *loader, const char *path, struct error *err)
{
    const struct dataset *set = loader->set;
    for (size_t i = 0; i < set->n_samples; i++) {
        const char *id = set->samples[i].id;
        int64_t first = 0;
        if (!string_map_add(&loader->index, id, strlen(id), (int64_t)i, &first) &&
            !arena_failed(&loader->scratch))
            return fail(err, STATUS_BAD_FORMAT,
                        "%s: questions[%zu]: question_id %s is that of questions[%lld], too", path,
                        i, id, (long long)first);
    }
    return arena_failed(&loader->scratch) ? no_memory(path, err) : STATUS_OK;
}

/* The sample that an annotation is of: mostly the next one, as the official files are in one order.
 */
static enum status find_sample(struct loader *loader, int question_id, const char *place,
                               size_t *out, struct error *err)
{
    struct dataset *set = loader->set;
    if (loader->next < set->n_samples && loader->ids[loader->next].question == question_id) {
        *out = loader->next++;
        return STATUS_OK;
    }
    char id[16];
    snprintf(id, sizeof id, "%d", question_id);
    int64_t at = string_map_get(&loader->index, id, strlen(id), -1);
    if (at < 0)
        return fail(err, STATUS_BAD_FORMAT, "%s: question_id %s is not among the questions of %s",
                    place, id, set->files[0].path);
    *out = (size_t)at;
    loader->next = *out + 1;
    return STATUS_OK;
}

/* Equal answers of one question must differ by their answer_id: the official scorer leaves out all
 * that equal the one it looks at (vqaEval.py:106). */
static bool has_answer_ids(const cJSON *answers)
{
    uint64_t seen = 0;
    const cJSON *answer;
    cJSON_ArrayForEach(answer, answers)
    {
        int id = json_int_or(answer, "answer_id", -1);
        if (id < 0 || id > 63 || (seen >> id & 1))
            return false;
        seen |= (uint64_t)1 << id;
    }
    return true;
}

static bool is_answer_type(const char *type)
{
    return strcmp(type, "yes/no") == 0 || strcmp(type, "number") == 0 || strcmp(type, "other") == 0;
}

static enum status add_annotation(void *context, const cJSON *record, const char *place,
                                  struct error *err)
{
    struct loader *loader = context;
    int question_id, image_id;
    const char *question_type, *answer_type;
    size_t at = 0;
    enum status status;
    if ((status = json_get_int(record, "question_id", place, &question_id, err)) ||
        (status = json_get_int(record, "image_id", place, &image_id, err)) ||
        (status = json_get_string(record, "question_type", place, &question_type, err)) ||
        (status = json_get_string(record, "answer_type", place, &answer_type, err)) ||
        (status = find_sample(loader, question_id, place, &at, err)))
        return status;
    struct sample *sample = &loader->set->samples[at];
    if (sample->n_answers > 0)
        return fail(err, STATUS_BAD_FORMAT, "%s: question_id %d was annotated already", place,
                    question_id);
    if (image_id != loader->ids[at].image)
        return fail(err, STATUS_BAD_FORMAT,
                    "%s: question_id %d is about image %d here and about %d in %s", place,
                    question_id, image_id, loader->ids[at].image, loader->set->files[0].path);
    const cJSON *answers = json_find(record, "answers");
    status = dataset_set_ten_answers(loader->set, sample, answers, &loader->pool, place, err);
    if (status)
        return status;
    sample->group = string_pool_add(&loader->pool, question_type);
    sample->category = string_pool_add(&loader->pool, answer_type);
    loader->n_odd_types += !is_answer_type(answer_type);
    loader->n_without_id += !has_answer_ids(answers);
    return arena_failed(&loader->set->arena) ? no_memory(place, err) : STATUS_OK;
}

static enum status check_all_annotated(const struct loader *loader, const char *path,
                                       struct error *err)
{
    const struct dataset *set = loader->set;
    for (size_t i = 0; i < set->n_samples; i++)
        if (set->samples[i].n_answers == 0)
            return fail(err, STATUS_BAD_FORMAT,
                        "%s: questions[%zu]: question_id %s has no "
                        "annotation in %s",
                        set->files[0].path, i, set->samples[i].id, path);
    return STATUS_OK;
}

static void add_notes(struct loader *loader)
{
    struct dataset *set = loader->set;
    const struct vqa_split *split = loader->split;
    dataset_note_count(set, split->questions, "questions", set->n_samples, split->n_questions);
    if (set->n_samples == split->n_questions)
        dataset_note_count(set, split->questions, "images", loader->image_names.map.count,
                           split->n_images);
    if (loader->n_odd_types > 0)
        dataset_add_note(set, "%zu questions have an answer_type other than yes/no, number, other",
                         loader->n_odd_types);
    if (loader->n_without_id > 0)
        dataset_add_note(set,
                         "%zu questions have answers without an answer_id of their own, which the "
                         "official scorer takes for one answer",
                         loader->n_without_id);
}

static void find_images(struct loader *loader, const char *directory)
{
    struct arena *arena = &loader->set->arena;
    const char *pictures = loader->split->pictures;
    const char *folders[] = {pictures,
                             arena_printf(arena, "images_%s", pictures),
                             arena_printf(arena, "Images/mscoco/%s", pictures),
                             arena_printf(arena, "vqa-v2/images_%s", pictures),
                             arena_printf(arena, "../coco/%s", pictures),
                             NULL};
    loader->images =
        arena_failed(arena) ? NULL : dataset_find_path(arena, directory, folders, true);
    if (!loader->images)
        loader->images = arena_printf(arena, "%s/%s", directory, pictures);
}

static enum status read_split(struct loader *loader, const char *directory, struct error *err)
{
    const struct vqa_split *split = loader->split;
    /* Where the official demo and TRI put them. */
    static const char *const folders[] = {"Questions", "Annotations", "vqa-v2", NULL};
    struct dataset *set = loader->set;
    const char *questions, *annotations = NULL;
    enum status status =
        dataset_find_file(set, directory, split->questions, folders, &questions, err);
    if (!status && split->annotations)
        status = dataset_find_file(set, directory, split->annotations, folders, &annotations, err);
    if (!status)
        status = dataset_read_records(set, questions, "questions", add_question, loader, err);
    if (!status)
        status = index_questions(loader, questions, err);
    if (!status && annotations)
        status = dataset_read_records(set, annotations, "annotations", add_annotation, loader, err);
    if (!status && annotations)
        status = check_all_annotated(loader, annotations, err);
    if (!status)
        add_notes(loader);
    return status;
}

static enum status load(struct dataset *set, const char *directory, struct error *err)
{
    struct loader loader = {.set = set};
    for (size_t i = 0; i < N_SPLITS; i++)
        if (strcmp(splits[i].variant, set->variant) == 0)
            loader.split = &splits[i];
    arena_init(&loader.scratch);
    string_map_init(&loader.index, &loader.scratch);
    string_pool_init(&loader.pool, &set->arena);
    string_pool_init(&loader.image_names, &set->arena);
    find_images(&loader, directory);
    enum status status = read_split(&loader, directory, err);
    string_pool_release(&loader.image_names);
    string_pool_release(&loader.pool);
    arena_release(&loader.scratch);
    return status;
}

const struct dataset_kind dataset_vqav2 = {
    .name = "vqav2",
    .title = "VQAv2 (open questions, ten annotators)",
    .variants = variants,
    .expects = "v2_OpenEnded_mscoco_val2014_questions.json and v2_mscoco_val2014_annotations.json "
               "(directly, or in Questions/ and Annotations/; other splits by their names) and the "
               "COCO pictures in val2014/",
    .load = load,
};
