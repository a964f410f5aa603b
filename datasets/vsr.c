/* VSR: is this sentence about the picture true?  One file of JSON lines a split.  Reference:
 * cambridgeltl/visual-spatial-reasoning@b27a0af data/splits; ids as in
 * TRI-ML/vlm-evaluation@d9f5896:vlm_eval/tasks/harnesses/vsr.py:52. */
#include "datasets/vsr.h"

#include "datasets/build.h"
#include "datasets/dataset.h"
#include "datasets/jsonl.h"
#include "datasets/vsr_relations.h"

#include <string.h>

static const char *const variants[] = {"zeroshot", "random", "zeroshot-dev", "random-dev", NULL};

static const struct vsr_split {
    const char *variant;
    size_t count; /* of the official file */
    const char *files[5];
} splits[] = {
    {"zeroshot",
     1222,
     {"zeroshot/test.jsonl", "data/splits/zeroshot/test.jsonl", "vsr_zeroshot/test.jsonl",
      "test.jsonl", NULL}},
    {"random",
     2195,
     {"random/test.jsonl", "data/splits/random/test.jsonl", "vsr_random/test.jsonl", "test.jsonl",
      NULL}},
    {"zeroshot-dev",
     340,
     {"zeroshot/dev.jsonl", "data/splits/zeroshot/dev.jsonl", "vsr_zeroshot/dev.jsonl", "dev.jsonl",
      NULL}},
    {"random-dev",
     1097,
     {"random/dev.jsonl", "data/splits/random/dev.jsonl", "vsr_random/dev.jsonl", "dev.jsonl",
      NULL}},
};
enum { N_SPLITS = sizeof splits / sizeof splits[0] };

struct loader {
    struct dataset *set;
    const char *images;
    size_t n_uncategorised;
};

static enum status add_caption(struct loader *loader, const cJSON *object,
                               const struct jsonl *reader, struct error *err)
{
    int label = 0;
    const char *image, *caption, *relation;
    enum status status;
    if ((status = json_get_string(object, "image", reader->place, &image, err)) ||
        (status = json_get_string(object, "caption", reader->place, &caption, err)) ||
        (status = json_get_int(object, "label", reader->place, &label, err)) ||
        (status = json_get_string(object, "relation", reader->place, &relation, err)))
        return status;
    if (label != 0 && label != 1)
        return fail(err, STATUS_BAD_FORMAT, "%s: \"label\" is %d, 0 or 1 is expected",
                    reader->place, label);
    if ((status = dataset_check_image(image, reader->place, err)))
        return status;

    struct arena *arena = &loader->set->arena;
    struct sample *sample = dataset_add_sample(loader->set);
    if (!sample)
        return fail(err, STATUS_NO_MEMORY, "%s: out of memory", reader->place);
    sample->id = arena_printf(arena, "%zu", reader->lines.number - 1);
    sample->image_name = arena_string(arena, image);
    sample->image_path = arena_printf(arena, "%s/%s", loader->images, image);
    sample->question = arena_string(arena, caption);
    sample->group = arena_string(arena, relation);
    sample->category = vsr_category(relation);
    dataset_set_answer(loader->set, sample, label ? "True" : "False");
    loader->n_uncategorised += !sample->category;
    if (arena_failed(arena))
        return fail(err, STATUS_NO_MEMORY, "%s: out of memory", reader->place);
    return STATUS_OK;
}

static enum status read_captions(struct loader *loader, const char *path, struct error *err)
{
    struct jsonl reader;
    enum status status = jsonl_open(&reader, path, err);
    if (status)
        return status;
    const cJSON *object = NULL;
    while (!(status = jsonl_next(&reader, &object, err)) && object)
        if ((status = add_caption(loader, object, &reader, err)))
            break;
    if (!status && loader->set->n_samples == 0)
        status = fail(err, STATUS_BAD_FORMAT, "%s:1: the file holds no caption", path);
    if (!status)
        dataset_add_file(loader->set, path, &reader.sha256, loader->set->n_samples);
    jsonl_close(&reader);
    return status;
}

static const struct vsr_split *split_of(const char *variant)
{
    for (size_t i = 0; i < N_SPLITS; i++)
        if (strcmp(splits[i].variant, variant) == 0)
            return &splits[i];
    return NULL;
}

const char *vsr_file_of(const char *variant)
{
    return split_of(variant)->files[0];
}

static const char *image_folder(struct dataset *set, const char *directory)
{
    static const char *const folders[] = {"images", "data/images", "../images", NULL};
    const char *found = dataset_find_path(&set->arena, directory, folders, true);
    return found ? found : arena_printf(&set->arena, "%s/images", directory);
}

static enum status load(struct dataset *set, const char *directory, struct error *err)
{
    const struct vsr_split *split = split_of(set->variant);
    struct loader loader = {.set = set, .images = image_folder(set, directory)};
    const char *path = dataset_find_path(&set->arena, directory, split->files, false);
    if (arena_failed(&set->arena))
        return fail(err, STATUS_NO_MEMORY, "out of memory while reading %s", directory);
    if (!path)
        return fail(err, STATUS_NOT_FOUND, "%s has no %s, %s, %s or %s", directory, split->files[0],
                    split->files[1], split->files[2], split->files[3]);
    enum status status = read_captions(&loader, path, err);
    if (status)
        return status;
    if (set->n_samples != split->count)
        dataset_add_note(set, "%s: %s captions, not the official count (%s)", split->files[0],
                         dataset_count_text(&set->arena, set->n_samples),
                         dataset_count_text(&set->arena, split->count));
    if (loader.n_uncategorised > 0)
        dataset_add_note(set, "%zu captions have a relation without a meta-category",
                         loader.n_uncategorised);
    return STATUS_OK;
}

const struct dataset_kind dataset_vsr = {
    .name = "vsr",
    .title = "VSR (visual spatial reasoning)",
    .variants = variants,
    .expects = "zeroshot/test.jsonl (also in data/splits/, or test.jsonl itself) and the pictures "
               "in images/",
    .load = load,
};
