/* POPE: is there a ... in the image?  Three files of JSON lines, one per way of choosing the
 * objects that are not there.  Reference: AoiDragon/POPE@08d957b README.md, output/coco. */
#include "datasets/build.h"
#include "datasets/dataset.h"
#include "datasets/jsonl.h"
#include "engine/base/string_map.h"

#include <stdio.h>
#include <string.h>

static const char *const variants[] = {"coco", NULL};

/* The order in which TRI averages:
 * TRI-ML/vlm-evaluation@d9f5896:vlm_eval/tasks/harnesses/pope.py:306. */
static const struct pope_split {
    const char *name;
    const char *files[4];
} splits[] = {
    {"adversarial",
     {"coco_pope_adversarial.json", "coco/coco_pope_adversarial.json",
      "output/coco/coco_pope_adversarial.json", NULL}},
    {"popular",
     {"coco_pope_popular.json", "coco/coco_pope_popular.json", "output/coco/coco_pope_popular.json",
      NULL}},
    {"random",
     {"coco_pope_random.json", "coco/coco_pope_random.json", "output/coco/coco_pope_random.json",
      NULL}},
};
enum { N_SPLITS = sizeof splits / sizeof splits[0], RANDOM = 2 };

/* Counts of both official versions; the first is the current one. */
enum { FULL_COUNT = 3000, OLD_RANDOM_COUNT = 2910 };

struct loader {
    struct dataset *set;
    const char *images;    /* the folder the pictures lie in */
    struct string_map ids; /* id -> line, to name the first of two */
    struct arena scratch;
    size_t odd_labels;
};

static enum status add_question(struct loader *loader, const struct pope_split *split,
                                const cJSON *object, const struct jsonl *reader, struct error *err)
{
    int number = 0;
    const char *image, *text, *label;
    enum status status;
    if ((status = json_get_int(object, "question_id", reader->place, &number, err)) ||
        (status = json_get_string(object, "image", reader->place, &image, err)) ||
        (status = json_get_string(object, "text", reader->place, &text, err)) ||
        (status = json_get_string(object, "label", reader->place, &label, err)))
        return status;
    if (!image[0])
        return fail(err, STATUS_BAD_FORMAT, "%s: \"image\" is empty", reader->place);

    struct arena *arena = &loader->set->arena;
    struct sample *sample = dataset_add_sample(loader->set);
    const char *id = arena_printf(arena, "%s/%d", split->name, number);
    if (!sample || !id)
        return fail(err, STATUS_NO_MEMORY, "%s: out of memory", reader->place);
    int64_t first = 0;
    if (!string_map_add(&loader->ids, id, strlen(id), (int64_t)reader->lines.number, &first) &&
        !arena_failed(&loader->scratch))
        return fail(err, STATUS_BAD_FORMAT, "%s: question_id %d was on line %lld already",
                    reader->place, number, (long long)first);
    sample->id = id;
    sample->image_name = arena_string(arena, image);
    sample->image_path = arena_printf(arena, "%s/%s", loader->images, image);
    sample->question = arena_string(arena, text);
    sample->group = split->name;
    dataset_set_answer(loader->set, sample, label);
    loader->odd_labels += strcmp(label, "yes") != 0 && strcmp(label, "no") != 0;
    if (arena_failed(arena) || arena_failed(&loader->scratch))
        return fail(err, STATUS_NO_MEMORY, "%s: out of memory", reader->place);
    return STATUS_OK;
}

static enum status read_split(struct loader *loader, const struct pope_split *split,
                              const char *path, struct error *err)
{
    struct jsonl reader;
    enum status status = jsonl_open(&reader, path, err);
    if (status)
        return status;
    size_t before = loader->set->n_samples;
    const cJSON *object = NULL;
    while (!(status = jsonl_next(&reader, &object, err)) && object)
        if ((status = add_question(loader, split, object, &reader, err)))
            break;
    size_t n = loader->set->n_samples - before;
    if (!status && n == 0)
        status = fail(err, STATUS_BAD_FORMAT, "%s:1: the file holds no question", path);
    if (!status)
        dataset_add_file(loader->set, path, &reader.sha256, n);
    jsonl_close(&reader);
    return status;
}

static void note_counts(struct dataset *set, size_t odd_labels)
{
    for (size_t i = 0; i < set->n_files; i++) {
        size_t n = set->files[i].n_samples;
        if (n == FULL_COUNT)
            continue;
        if (i == RANDOM && n == OLD_RANDOM_COUNT)
            dataset_add_note(set, "coco_pope_random.json with 2,910 questions (POPE commit "
                                  "e3e3926): the 8,910-question version that LLaVA and Cobra "
                                  "scored on");
        else
            dataset_add_note(set, "%s: %s questions, not an official count (%s)",
                             splits[i].files[0], dataset_count_text(&set->arena, n),
                             i == RANDOM ? "3,000, or 2,910 in POPE commit e3e3926" : "3,000");
    }
    if (odd_labels > 0)
        dataset_add_note(set,
                         "%s labels are neither \"yes\" nor \"no\"; the reference scorers "
                         "take everything but \"no\" for yes",
                         dataset_count_text(&set->arena, odd_labels));
}

static const char *image_folder(struct dataset *set, const char *directory)
{
    static const char *const folders[] = {"val2014", "images", "../coco/val2014", NULL};
    const char *found = dataset_find_path(&set->arena, directory, folders, true);
    return found ? found : arena_printf(&set->arena, "%s/val2014", directory);
}

static enum status load(struct dataset *set, const char *directory, struct error *err)
{
    struct loader loader = {.set = set, .images = image_folder(set, directory)};
    arena_init(&loader.scratch);
    string_map_init(&loader.ids, &loader.scratch);
    enum status status = STATUS_OK;
    for (size_t i = 0; i < N_SPLITS && !status; i++) {
        const char *path = dataset_find_path(&set->arena, directory, splits[i].files, false);
        if (arena_failed(&set->arena))
            status = fail(err, STATUS_NO_MEMORY, "out of memory while reading %s", directory);
        else if (!path)
            status =
                fail(err, STATUS_NOT_FOUND, "%s has no %s, directly or in coco/ or output/coco/",
                     directory, splits[i].files[0]);
        else
            status = read_split(&loader, &splits[i], path, err);
    }
    if (!status)
        note_counts(set, loader.odd_labels);
    arena_release(&loader.scratch);
    return status;
}

const struct dataset_kind dataset_pope = {
    .name = "pope",
    .title = "POPE (object hallucination)",
    .variants = variants,
    .expects = "coco_pope_random.json, coco_pope_popular.json and coco_pope_adversarial.json "
               "(directly, in coco/ or in output/coco/) and the COCO pictures in val2014/",
    .load = load,
};
