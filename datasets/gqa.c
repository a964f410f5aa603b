/* GQA: questions about scenes, made from scene graphs.  One JSON object a split, id -> question.
 * Reference: questions1.2.zip and eval.zip of cs.stanford.edu/people/dorarad/gqa; counts of
 * testdev_balanced as in TRI-ML/vlm-evaluation@d9f5896:vlm_eval/tasks/harnesses/gqa.py:78-79.
 * Scene graphs are not read: of eval.py's measures only grounding needs them, and it needs
 * attention maps, too. */
#include "datasets/build.h"
#include "datasets/dataset.h"
#include "datasets/gqa_facts.h"
#include "datasets/records.h"
#include "engine/base/file.h"
#include "engine/base/string_map.h"

#include <stdint.h>
#include <string.h>

static const char *const variants[] = {
    "testdev-balanced", "testdev-all",    "val-balanced",       "val-all",
    "test-balanced",    "test-all",       "challenge-balanced", "challenge-all",
    "submission-all",   "train-balanced", "train-all",          NULL};

/* In the order of variants[].  Counts of train, val and testdev: google-research/big_vision
 * big_vision/datasets/gqa/gqa.py; of test and challenge: the dataset card of lmms-lab/GQA, which
 * rounds submission_all to 4.24 million: it is val, testdev, test and challenge together. */
static const struct gqa_split {
    const char *file; /* without "_questions.json" */
    const char *tier; /* whose choices file it has; NULL: none */
    size_t count;     /* of the official file */
    int n_chunks;     /* a folder of that many files; 0: one file */
} splits[] = {
    {"testdev_balanced", "testdev", 12578, 0}, {"testdev_all", "testdev", 172174, 0},
    {"val_balanced", "val", 132062, 0},        {"val_all", "val", 2011853, 0},
    {"test_balanced", NULL, 95336, 0},         {"test_all", NULL, 1340048, 0},
    {"challenge_balanced", NULL, 50726, 0},    {"challenge_all", NULL, 713449, 0},
    {"submission_all", NULL, 4237524, 0},      {"train_balanced", "train", 943000, 0},
    {"train_all", "train", 14305356, 10},
};

/* Where a release unpacks to, and LLaVA's playground/data/eval/gqa. */
static const char *const folders[] = {"", "questions1.2/", "questions/", "data/",
                                      "data/questions1.2/"};
enum { N_FOLDERS = sizeof folders / sizeof folders[0] };

struct loader {
    struct dataset *set;
    const char *directory, *images;
    size_t n_without_answer;
};

static enum status no_memory(const char *place, struct error *err)
{
    return fail(err, STATUS_NO_MEMORY, "%s: out of memory", place);
}

/* The first of the folders' files with that name; NULL if there is none. */
static const char *find_file(struct loader *loader, const char *name)
{
    struct arena *arena = &loader->set->arena;
    for (size_t i = 0; i < N_FOLDERS; i++) {
        const char *path = arena_printf(arena, "%s/%s%s", loader->directory, folders[i], name);
        if (path && file_exists(path))
            return path;
    }
    return NULL;
}

static enum status add_picture(struct loader *loader, struct sample *sample, const char *name,
                               const char *file, const char *place, struct error *err)
{
    enum status status = dataset_check_image(name, place, err);
    if (status)
        return status;
    sample->image_name = arena_string(&loader->set->arena, name);
    sample->image_path = arena_printf(&loader->set->arena, "%s/%s", loader->images, file);
    return STATUS_OK;
}

/* An id is a number written as a string; as a number it would have been rounded. */
static enum status check_id(const char *id, const char *place, struct error *err)
{
    if (!id[0] || id[strspn(id, "0123456789")])
        return fail(err, STATUS_BAD_FORMAT, "%s: the id '%.80s' is not made of digits", place, id);
    return STATUS_OK;
}

static enum status add_question(struct loader *loader, const cJSON *record, const char *place,
                                struct error *err)
{
    struct arena *arena = &loader->set->arena;
    const char *image, *question, *id = record->string, *answer = NULL;
    struct gqa_facts *facts;
    enum status status;
    if ((status = check_id(id, place, err)) ||
        (status = json_get_string(record, "question", place, &question, err)) ||
        (status = json_get_string(record, "imageId", place, &image, err)) ||
        (json_find(record, "answer") &&
         (status = json_get_string(record, "answer", place, &answer, err))) ||
        (status = gqa_facts_read(record, id, place, arena, &facts, err)))
        return status;
    struct sample *sample = dataset_add_sample(loader->set);
    if (!sample)
        return no_memory(place, err);
    const char *file = arena_printf(arena, "%s.jpg", image);
    sample->id = arena_string(arena, id);
    sample->question = arena_string(arena, question);
    sample->facts = facts;
    sample->group = facts->detailed;
    if (answer)
        dataset_set_answer(loader->set, sample, answer);
    loader->n_without_answer += !answer;
    if (!file || arena_failed(arena))
        return no_memory(place, err);
    if ((status = add_picture(loader, sample, image, file, place, err)))
        return status;
    return arena_failed(arena) ? no_memory(place, err) : STATUS_OK;
}

static enum status read_questions(struct loader *loader, const char *path, struct error *err)
{
    struct records records;
    size_t before = loader->set->n_samples;
    enum status status = records_open(&records, path, RECORDS_MEMBERS, err);
    if (status)
        return status;
    const cJSON *record;
    while (!(status = records_next(&records, &record, err)) && record)
        if ((status = add_question(loader, record, records.place, err)))
            break;
    if (!status)
        dataset_add_file(loader->set, path, &records.sha256, loader->set->n_samples - before);
    records_close(&records);
    return status;
}

/* LLaVA's question file: no answers, and the instruction, which is the protocol's, in the text. */
static enum status add_llava_question(struct loader *loader, const cJSON *record, const char *place,
                                      struct error *err)
{
    static const char instruction[] = "\nAnswer the question using a single word or phrase.";
    struct arena *arena = &loader->set->arena;
    const char *id, *image, *text;
    enum status status;
    if ((status = json_get_string(record, "question_id", place, &id, err)) ||
        (status = check_id(id, place, err)) ||
        (status = json_get_string(record, "image", place, &image, err)) ||
        (status = json_get_string(record, "text", place, &text, err)))
        return status;
    struct sample *sample = dataset_add_sample(loader->set);
    if (!sample)
        return no_memory(place, err);
    size_t length = strlen(text);
    if (text_ends_with(text, instruction))
        length -= sizeof instruction - 1;
    sample->id = arena_string(arena, id);
    sample->question = arena_copy(arena, text, length);
    loader->n_without_answer += 1;
    if ((status = add_picture(loader, sample, image, image, place, err)))
        return status;
    return arena_failed(arena) ? no_memory(place, err) : STATUS_OK;
}

static enum status read_llava(struct loader *loader, const char *path, struct error *err)
{
    struct records records;
    enum status status = records_open(&records, path, RECORDS_LINES, err);
    if (status)
        return status;
    const cJSON *record;
    while (!(status = records_next(&records, &record, err)) && record)
        if ((status = add_llava_question(loader, record, records.place, err)))
            break;
    if (!status)
        dataset_add_file(loader->set, path, &records.sha256, loader->set->n_samples);
    records_close(&records);
    return status;
}

static enum status read_chunks(struct loader *loader, const struct gqa_split *split,
                               struct error *err)
{
    enum status status = STATUS_OK;
    for (int i = 0; i < split->n_chunks && !status; i++) {
        const char *name = arena_printf(&loader->set->arena, "%s_questions/%s_questions_%d.json",
                                        split->file, split->file, i);
        const char *path = name ? find_file(loader, name) : NULL;
        if (arena_failed(&loader->set->arena))
            status = no_memory(loader->directory, err);
        else if (!path)
            status = fail(err, STATUS_NOT_FOUND, "%s has no %s, directly or in questions1.2/",
                          loader->directory, name);
        else
            status = read_questions(loader, path, err);
    }
    return status;
}

static enum status read_split(struct loader *loader, const struct gqa_split *split,
                              struct error *err)
{
    struct arena *arena = &loader->set->arena;
    if (split->n_chunks)
        return read_chunks(loader, split, err);
    const char *name = arena_printf(arena, "%s_questions.json", split->file);
    const char *path = name ? find_file(loader, name) : NULL;
    if (path)
        return read_questions(loader, path, err);
    const char *llava = arena_printf(arena, "llava_gqa_%s.jsonl", split->file);
    path = llava ? find_file(loader, llava) : NULL;
    if (arena_failed(arena))
        return no_memory(loader->directory, err);
    if (path)
        return read_llava(loader, path, err);
    return fail(err, STATUS_NOT_FOUND, "%s has no %s, directly, in questions1.2/ or in data/",
                loader->directory, name);
}

/* Gives the samples the choices that a file has for them; others are passed over. */
static enum status read_choices(struct loader *loader, const char *path, struct error *err)
{
    struct dataset *set = loader->set;
    struct arena scratch;
    struct string_map index;
    struct records records;
    size_t n = 0;
    arena_init(&scratch);
    string_map_init(&index, &scratch);
    for (size_t i = 0; i < set->n_samples; i++)
        string_map_add(&index, set->samples[i].id, strlen(set->samples[i].id), (int64_t)i, NULL);
    enum status status = arena_failed(&scratch)
                             ? no_memory(path, err)
                             : records_open(&records, path, RECORDS_MEMBERS, err);
    const cJSON *record;
    bool is_open = !status;
    while (!status && !(status = records_next(&records, &record, err)) && record) {
        int64_t at = string_map_get(&index, record->string, strlen(record->string), -1);
        if (at < 0 || !set->samples[at].facts)
            continue;
        /* Made by add_question() and still this loader's to fill in. */
        struct gqa_facts *facts = (struct gqa_facts *)set->samples[at].facts;
        if (facts->choices)
            status = fail(err, STATUS_BAD_FORMAT, "%s: is there twice", records.place);
        else
            status = gqa_choices_read(record, records.place, &set->arena, &facts->choices, err);
        n += 1;
    }
    if (!status)
        dataset_add_file(set, path, &records.sha256, n);
    if (is_open)
        records_close(&records);
    arena_release(&scratch);
    return status;
}

/* Entailed questions that are not in a file of all questions: eval.py stops at the first. */
static bool note_entailed(struct dataset *set)
{
    struct arena scratch;
    struct string_map index;
    size_t n = 0;
    const char *first = NULL, *of = NULL;
    arena_init(&scratch);
    string_map_init(&index, &scratch);
    for (size_t i = 0; i < set->n_samples; i++)
        string_map_add(&index, set->samples[i].id, strlen(set->samples[i].id), 1, NULL);
    for (size_t i = 0; i < set->n_samples; i++) {
        const struct gqa_facts *facts = set->samples[i].facts;
        for (size_t e = 0; facts && e < facts->n_entailed; e++) {
            if (string_map_get(&index, facts->entailed[e], strlen(facts->entailed[e]), 0))
                continue;
            first = first ? first : facts->entailed[e];
            of = of ? of : set->samples[i].id;
            n += 1;
        }
    }
    bool ok = !arena_failed(&scratch);
    arena_release(&scratch);
    if (ok && n > 0)
        dataset_add_note(set,
                         "%zu entailed ids are not in the file, the first is %.40s of question "
                         "%.40s: consistency cannot be computed where one is needed",
                         n, first, of);
    return ok;
}

static void note_counts(struct loader *loader, const struct gqa_split *split)
{
    struct dataset *set = loader->set;
    if (set->n_samples != split->count)
        dataset_add_note(set, "%s: %s questions, not the official count (%s)", split->file,
                         dataset_count_text(&set->arena, set->n_samples),
                         dataset_count_text(&set->arena, split->count));
    if (loader->n_without_answer > 0 && split->tier)
        dataset_add_note(set, "%s questions have no answer in the file and cannot be scored",
                         dataset_count_text(&set->arena, loader->n_without_answer));
    else if (loader->n_without_answer > 0)
        dataset_add_note(set, "GQA keeps the answers of %s: its server alone can score it",
                         split->file);
}

static const struct gqa_split *split_of(const char *variant)
{
    size_t i = 0;
    while (strcmp(variants[i], variant) != 0)
        i += 1;
    return &splits[i];
}

static const char *image_folder(struct dataset *set, const char *directory)
{
    static const char *const candidates[] = {"images", "data/images", "../images", NULL};
    const char *found = dataset_find_path(&set->arena, directory, candidates, true);
    return found ? found : arena_printf(&set->arena, "%s/images", directory);
}

static enum status load(struct dataset *set, const char *directory, struct error *err)
{
    const struct gqa_split *split = split_of(set->variant);
    struct loader loader = {
        .set = set, .directory = directory, .images = image_folder(set, directory)};
    enum status status = read_split(&loader, split, err);
    if (status)
        return status;
    const char *name =
        split->tier ? arena_printf(&set->arena, "%s_choices.json", split->tier) : NULL;
    const char *choices = name ? find_file(&loader, name) : NULL;
    if (name && !choices) {
        name = arena_printf(&set->arena, "eval/%s_choices.json", split->tier);
        choices = name ? find_file(&loader, name) : NULL;
    }
    if (choices)
        status = read_choices(&loader, choices, err);
    if (status)
        return status;
    note_counts(&loader, split);
    bool has_all = strstr(split->file, "_all") != NULL;
    if (has_all && !note_entailed(set))
        return no_memory(directory, err);
    return STATUS_OK;
}

const struct dataset_kind dataset_gqa = {
    .name = "gqa",
    .title = "GQA (compositional questions about scenes)",
    .variants = variants,
    .expects = "testdev_balanced_questions.json (directly, in questions1.2/ or in data/; for the "
               "other variants their own), the pictures in images/ and, for validity and "
               "plausibility, testdev_choices.json",
    .load = load,
};
