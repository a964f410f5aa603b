/* POPE: is there a ... in the image?  Three files, one per way of choosing the objects that are not
 * there: JSON lines for COCO, one array for the two other sets.  POPEv2 is one file of pairs.
 * Reference: AoiDragon/POPE@08d957b README.md, output/, POPEv2/. */
#include "datasets/build.h"
#include "datasets/dataset.h"
#include "datasets/records.h"
#include "engine/base/file.h"
#include "engine/base/string_map.h"

#include <stdio.h>
#include <string.h>

static const char *const variants[] = {"coco", "aokvqa", "gqa", "v2", NULL};

/* The order in which TRI averages:
 * TRI-ML/vlm-evaluation@d9f5896:vlm_eval/tasks/harnesses/pope.py:306. */
static const char *const splits[] = {"adversarial", "popular", "random"};
enum { N_SPLITS = sizeof splits / sizeof splits[0], RANDOM = 2 };

/* Where the files of a variant lie and how they are called. */
static const struct pope_set {
    const char *variant;
    const char *file; /* with the split for %s */
    const char *folders[4];
    const char *images[4]; /* the first is taken where none is there */
} sets[] = {
    {"coco",
     "coco_pope_%s.json",
     {"", "coco/", "output/coco/", NULL},
     {"val2014", "images", "../coco/val2014", NULL}},
    {"aokvqa",
     "aokvqa_pope_seem_%s.json",
     {"", "aokvqa/", "seem/aokvqa/", "output/seem/aokvqa/"},
     {"val2014", "images", "../coco/val2014", NULL}},
    {"gqa",
     "gqa_pope_seem_%s.json",
     {"", "gqa/", "seem/gqa/", "output/seem/gqa/"},
     {"images", "gqa/images", "../gqa/images", NULL}},
};
enum { N_SETS = sizeof sets / sizeof sets[0], N_FOLDERS = 4 };

/* Counts of both official versions; the first is the current one. */
enum { FULL_COUNT = 3000, OLD_RANDOM_COUNT = 2910 };

enum { V2_COUNT = 1000 };

struct loader {
    struct dataset *set;
    const char *directory;
    const char *images;    /* the folder the pictures lie in */
    struct string_map ids; /* id -> line, to name the first of two */
    struct arena scratch;
    size_t odd_labels;
};

static enum status no_memory(const char *place, struct error *err)
{
    return fail(err, STATUS_NO_MEMORY, "%s: out of memory", place);
}

static enum status add_question(struct loader *loader, const char *split, const cJSON *object,
                                const struct records *records, struct error *err)
{
    int number = 0;
    const char *image, *text, *label, *place = records->place;
    enum status status;
    if ((status = json_get_int(object, "question_id", place, &number, err)) ||
        (status = json_get_string(object, "image", place, &image, err)) ||
        (status = json_get_string(object, "text", place, &text, err)) ||
        (status = json_get_string(object, "label", place, &label, err)) ||
        (status = dataset_check_image(image, place, err)))
        return status;

    struct arena *arena = &loader->set->arena;
    struct sample *sample = dataset_add_sample(loader->set);
    const char *id = arena_printf(arena, "%s/%d", split, number);
    if (!sample || !id)
        return no_memory(place, err);
    int64_t first = 0;
    if (!string_map_add(&loader->ids, id, strlen(id), (int64_t)records->number, &first) &&
        !arena_failed(&loader->scratch))
        return fail(err, STATUS_BAD_FORMAT,
                    records->is_lines ? "%s: question_id %d was on line %zu already"
                                      : "%s: question_id %d was in [%zu] already",
                    place, number, (size_t)first - !records->is_lines);
    sample->id = id;
    sample->image_name = arena_string(arena, image);
    sample->image_path = arena_printf(arena, "%s/%s", loader->images, image);
    sample->question = arena_string(arena, text);
    sample->group = split;
    dataset_set_answer(loader->set, sample, label);
    loader->odd_labels += strcmp(label, "yes") != 0 && strcmp(label, "no") != 0;
    if (arena_failed(arena) || arena_failed(&loader->scratch))
        return no_memory(place, err);
    return STATUS_OK;
}

static enum status read_split(struct loader *loader, const char *split, const char *path,
                              struct error *err)
{
    struct records records;
    enum status status = records_open(&records, path, RECORDS_LINES_OR_ARRAY, err);
    if (status)
        return status;
    size_t before = loader->set->n_samples;
    const cJSON *object = NULL;
    while (!(status = records_next(&records, &object, err)) && object)
        if ((status = add_question(loader, split, object, &records, err)))
            break;
    size_t n = loader->set->n_samples - before;
    if (!status && n == 0)
        status = fail(err, STATUS_BAD_FORMAT, "%s:1: the file holds no question", path);
    if (!status)
        dataset_add_file(loader->set, path, &records.sha256, n);
    records_close(&records);
    return status;
}

static void note_counts(struct dataset *set, size_t odd_labels)
{
    bool is_coco = strcmp(set->variant, "coco") == 0;
    for (size_t i = 0; i < set->n_files; i++) {
        size_t n = set->files[i].n_samples;
        if (n == FULL_COUNT)
            continue;
        if (is_coco && i == RANDOM && n == OLD_RANDOM_COUNT)
            dataset_add_note(set, "coco_pope_random.json with 2,910 questions (POPE commit "
                                  "e3e3926): the 8,910-question version that LLaVA and Cobra "
                                  "scored on");
        else
            dataset_add_note(set, "%s: %s questions, not an official count (%s)",
                             path_name(set->files[i].path), dataset_count_text(&set->arena, n),
                             is_coco && i == RANDOM ? "3,000, or 2,910 in POPE commit e3e3926"
                                                    : "3,000");
    }
    if (odd_labels > 0)
        dataset_add_note(set,
                         "%s labels are neither \"yes\" nor \"no\"; the reference scorers "
                         "take everything but \"no\" for yes",
                         dataset_count_text(&set->arena, odd_labels));
}

/* The first of the candidates under the directory, else the first by name. */
static const char *image_folder(struct dataset *set, const char *directory,
                                const char *const *candidates)
{
    const char *found = dataset_find_path(&set->arena, directory, candidates, true);
    return found ? found : arena_printf(&set->arena, "%s/%s", directory, candidates[0]);
}

static const char *find_file(struct loader *loader, const struct pope_set *from, const char *name)
{
    for (size_t i = 0; i < N_FOLDERS && from->folders[i]; i++) {
        const char *path =
            arena_printf(&loader->set->arena, "%s/%s%s", loader->directory, from->folders[i], name);
        if (path && file_exists(path))
            return path;
    }
    return NULL;
}

static enum status read_set(struct loader *loader, const struct pope_set *from, struct error *err)
{
    enum status status = STATUS_OK;
    loader->images = image_folder(loader->set, loader->directory, from->images);
    for (size_t i = 0; i < N_SPLITS && !status; i++) {
        char name[64];
        size_t prefix = strcspn(from->file, "%");
        snprintf(name, sizeof name, "%.*s%s%s", (int)prefix, from->file, splits[i],
                 from->file + prefix + 2);
        const char *path = find_file(loader, from, name);
        if (arena_failed(&loader->set->arena))
            status = no_memory(loader->directory, err);
        else if (!path)
            status = fail(err, STATUS_NOT_FOUND, "%s has no %s, directly or in %s or %s",
                          loader->directory, name, from->folders[1], from->folders[2]);
        else
            status = read_split(loader, splits[i], path, err);
    }
    if (!status)
        note_counts(loader->set, loader->odd_labels);
    return status;
}

/* POPEv2's labels are Yes and No; to POPE's rule, to which everything but "no" is a yes, they are
 * given in lower case. */
static enum status add_pair_question(struct loader *loader, const cJSON *object,
                                     const struct records *records, struct error *err)
{
    struct arena *arena = &loader->set->arena;
    const char *image, *text, *label, *place = records->place;
    enum status status;
    if ((status = json_get_string(object, "image_name", place, &image, err)) ||
        (status = json_get_string(object, "query", place, &text, err)) ||
        (status = json_get_string(object, "label", place, &label, err)))
        return status;
    bool is_no = strcmp(label, "No") == 0;
    if (!is_no && strcmp(label, "Yes") != 0)
        return fail(err, STATUS_BAD_FORMAT, "%s: \"label\" is '%.40s', not Yes or No", place,
                    label);
    image += image[0] == '/'; /* "/images/000000046207.jpg" is not meant from the root */
    if ((status = dataset_check_image(image, place, err)))
        return status;
    struct sample *sample = dataset_add_sample(loader->set);
    if (!sample)
        return no_memory(place, err);
    sample->id = arena_printf(arena, "%zu", records->number - 1);
    sample->image_name = arena_string(arena, image);
    sample->image_path = arena_printf(arena, "%s/%s", loader->images, image);
    sample->question = arena_string(arena, text);
    sample->group = "v2";
    dataset_set_answer(loader->set, sample, is_no ? "no" : "yes");
    return arena_failed(arena) ? no_memory(place, err) : STATUS_OK;
}

static enum status read_v2(struct loader *loader, struct error *err)
{
    static const char *const files[] = {"annotations.json", "dataset/annotations.json",
                                        "POPEv2/dataset/annotations.json", NULL};
    struct dataset *set = loader->set;
    const char *path = dataset_find_path(&set->arena, loader->directory, files, false);
    if (arena_failed(&set->arena))
        return no_memory(loader->directory, err);
    if (!path)
        return fail(err, STATUS_NOT_FOUND, "%s has no %s, %s or %s", loader->directory, files[0],
                    files[1], files[2]);
    loader->images = path_directory(&set->arena, path);
    struct records records;
    enum status status = records_open(&records, path, RECORDS_ELEMENTS, err);
    if (status)
        return status;
    const cJSON *object = NULL;
    while (!(status = records_next(&records, &object, err)) && object)
        if ((status = add_pair_question(loader, object, &records, err)))
            break;
    if (!status)
        dataset_add_file(set, path, &records.sha256, set->n_samples);
    records_close(&records);
    if (!status && set->n_samples != V2_COUNT)
        dataset_add_note(set, "POPEv2: %s questions, not the official count (1,000)",
                         dataset_count_text(&set->arena, set->n_samples));
    return status;
}

static enum status load(struct dataset *set, const char *directory, struct error *err)
{
    struct loader loader = {.set = set, .directory = directory};
    arena_init(&loader.scratch);
    string_map_init(&loader.ids, &loader.scratch);
    const struct pope_set *from = NULL;
    for (size_t i = 0; i < N_SETS; i++)
        if (strcmp(sets[i].variant, set->variant) == 0)
            from = &sets[i];
    enum status status = from ? read_set(&loader, from, err) : read_v2(&loader, err);
    arena_release(&loader.scratch);
    return status;
}

const struct dataset_kind dataset_pope = {
    .name = "pope",
    .title = "POPE (object hallucination)",
    .variants = variants,
    .expects = "coco_pope_random.json, coco_pope_popular.json and coco_pope_adversarial.json "
               "(directly, in coco/ or in output/coco/) and the COCO pictures in val2014/; for "
               "aokvqa and gqa {aokvqa,gqa}_pope_seem_*.json, for v2 annotations.json",
    .load = load,
};
