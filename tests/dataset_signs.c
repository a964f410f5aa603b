/* An invented benchmark of traffic signs: VARIANT.jsonl, a question a line, and pictures in
 * pictures/.  It is in no registry but that of tests/test_added_dataset.c. */
#include "datasets/build.h"
#include "datasets/dataset.h"
#include "datasets/records.h"
#include "engine/base/file.h"

static const char *const variants[] = {"yes-no", "open", NULL};

static enum status add_sign(struct dataset *set, const char *directory, const cJSON *record,
                            const char *place, struct error *err)
{
    struct arena *arena = &set->arena;
    int number;
    const char *picture, *asks, *truth, *about;
    enum status status;
    if ((status = json_get_int(record, "number", place, &number, err)) ||
        (status = json_get_string(record, "picture", place, &picture, err)) ||
        (status = dataset_check_image(picture, place, err)) ||
        (status = json_get_string(record, "asks", place, &asks, err)) ||
        (status = json_get_string(record, "truth", place, &truth, err)) ||
        (status = json_get_string(record, "about", place, &about, err)))
        return status;
    struct sample *sample = dataset_add_sample(set);
    if (sample) {
        sample->id = arena_printf(arena, "%d", number);
        sample->image_name = arena_string(arena, picture);
        sample->image_path = arena_printf(arena, "%s/pictures/%s", directory, picture);
        sample->question = arena_string(arena, asks);
        sample->group = arena_string(arena, about);
        dataset_set_answer(set, sample, truth);
        sample->facts = arena_string(arena, "?"); /* which no metric may take for its own */
    }
    return arena_failed(arena) ? fail(err, STATUS_NO_MEMORY, "%s: out of memory", place)
                               : STATUS_OK;
}

static enum status load(struct dataset *set, const char *directory, struct error *err)
{
    const char *path = arena_printf(&set->arena, "%s/%s.jsonl", directory, set->variant);
    if (!path)
        return fail(err, STATUS_NO_MEMORY, "out of memory while reading %s", directory);
    struct records records;
    enum status status = records_open(&records, path, RECORDS_LINES, err);
    if (status)
        return status;
    const cJSON *record;
    while (!(status = records_next(&records, &record, err)) && record)
        if ((status = add_sign(set, directory, record, records.place, err)))
            break;
    if (!status)
        dataset_add_file(set, path, &records.sha256, set->n_samples);
    records_close(&records);
    return status;
}

const struct dataset_kind dataset_signs = {
    .name = "signs",
    .title = "Signs (invented)",
    .variants = variants,
    .expects = "yes-no.jsonl or open.jsonl and the pictures in pictures/",
    .load = load,
};
