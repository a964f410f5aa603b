#include "metrics/import.h"

#include "datasets/build.h"
#include "datasets/letters.h"
#include "engine/base/file.h"
#include "engine/base/string_map.h"

#include <string.h>

extern const struct import_format import_llava, import_triml, import_lmms_eval, import_vlmevalkit,
    import_jsonl, import_official, import_evalai;

/* clang-format off */
const struct import_format *const import_formats[] = {
    &import_llava,
    &import_triml,
    &import_lmms_eval,
    &import_vlmevalkit,
    &import_jsonl,
    &import_official,
    &import_evalai,
    NULL,
};
/* clang-format on */

/* In the order in which POPE's samples stand. */
static const char *const pope_splits[] = {"adversarial", "popular", "random"};
enum { N_SPLITS = sizeof pope_splits / sizeof pope_splits[0] };

const struct import_format *import_format_find(const char *name)
{
    for (size_t i = 0; import_formats[i]; i++)
        if (strcmp(import_formats[i]->name, name) == 0)
            return import_formats[i];
    return NULL;
}

struct import_answer *import_add(struct import_reader *reader)
{
    if (reader->n == reader->capacity) {
        size_t capacity = reader->capacity ? 2 * reader->capacity : 256;
        struct import_answer *more = arena_alloc(&reader->scratch, capacity, sizeof *more);
        if (!more)
            return NULL;
        if (reader->n > 0)
            memcpy(more, reader->answers, reader->n * sizeof *more);
        reader->answers = more;
        reader->capacity = capacity;
    }
    return &reader->answers[reader->n++];
}

enum status import_check_memory(const struct import_reader *reader, const char *place,
                                struct error *err)
{
    if (arena_failed(&reader->scratch) || arena_failed(reader->arena))
        return fail(err, STATUS_NO_MEMORY, "%s: out of memory", place);
    return STATUS_OK;
}

static enum status add_sample(struct dataset *set, const struct import_reader *reader,
                              const struct import_answer *answer, struct error *err)
{
    struct arena *arena = &set->arena;
    if (!answer->label)
        return fail(err, STATUS_MISMATCH,
                    "%s:%zu: no \"label\": name the folder with %s's files to score it",
                    reader->path, answer->record, set->kind->name);
    struct sample *sample = dataset_add_sample(set);
    if (!sample)
        return STATUS_OK; /* the arena tells */
    sample->id = arena_string(arena, answer->id);
    /* Without a name each question is taken for a picture of its own. */
    sample->image_name = arena_string(arena, answer->image ? answer->image : answer->id);
    sample->image_path = sample->image_name;
    sample->question = arena_string(arena, answer->question ? answer->question : "");
    sample->group = arena_string(arena, answer->group);
    dataset_set_answer(set, sample, answer->label);
    return STATUS_OK;
}

/* Builds samples from the labels in the answers: POPE's splits in their order, else as they come;
 * of two answers to a question the last counts. */
static enum status build_set(struct import_reader *reader, struct dataset *set, struct error *err)
{
    bool is_pope = strcmp(set->kind->name, "pope") == 0;
    struct string_map seen;
    enum status status = STATUS_OK;
    string_map_init(&seen, &reader->scratch);
    for (size_t pass = 0; pass <= N_SPLITS; pass++) {
        const char *split = is_pope && pass < N_SPLITS ? pope_splits[pass] : NULL;
        for (size_t i = 0; i < reader->n && !status && !arena_failed(&set->arena); i++) {
            const struct import_answer *answer = &reader->answers[i];
            if (split && (!answer->group || strcmp(answer->group, split) != 0))
                continue;
            if (!split && pass < N_SPLITS)
                break;
            if (string_map_add(&seen, answer->id, strlen(answer->id), 1, NULL))
                status = add_sample(set, reader, answer, err);
        }
    }
    dataset_add_file(set, reader->path, &reader->sha256, set->n_samples);
    dataset_add_note(set, "labels from the predictions file itself");
    if (!status && arena_failed(&reader->scratch))
        status = fail(err, STATUS_NO_MEMORY, "%s: out of memory", reader->path);
    return status ? status : dataset_finish(set, err);
}

/* "n161313.jpg" names the picture n161313, too. */
static bool is_same_image(const char *theirs, const char *ours)
{
    size_t length = strlen(ours);
    return strncmp(theirs, ours, length) == 0 && (theirs[length] == '\0' || theirs[length] == '.');
}

/* Some question files of LLaVA's capitalise what the benchmark asks. */
static bool asks(const char *prompt, const char *question)
{
    struct text capitalised;
    text_init(&capitalised);
    letters_capitalise(question, &capitalised);
    bool found = strstr(prompt, question) || strstr(prompt, text_string(&capitalised));
    text_release(&capitalised);
    return found;
}

/* An answer that tells its question, label or picture must be about the sample it is joined to. */
static enum status check_same(const struct import_reader *reader,
                              const struct import_answer *answer, const struct sample *sample,
                              struct error *err)
{
    const char *what = NULL, *theirs = NULL, *ours = NULL;
    if (answer->question && !asks(answer->question, sample->question)) {
        what = "prompt";
        theirs = answer->question;
        ours = sample->question;
    } else if (answer->image && !is_same_image(answer->image, sample->image_name)) {
        what = "image";
        theirs = answer->image;
        ours = sample->image_name;
    } else if (answer->label && sample->n_answers == 1 &&
               strcmp(answer->label, sample->answers[0]) != 0) {
        what = "label";
        theirs = answer->label;
        ours = sample->answers[0];
    }
    if (!what)
        return STATUS_OK;
    return fail(err, STATUS_MISMATCH,
                "%s:%zu: %s has the %s '%.120s' here and '%.120s' in the dataset: the answers are "
                "to another version of the questions",
                reader->path, answer->record, sample->id, what, theirs, ours);
}

/* Answers of which none is to a question of the set, named by its id or, where the format joins by
 * it, its text. */
static enum status fail_all(const struct import_reader *reader, const struct dataset *set,
                            struct error *err)
{
    const struct import_answer *first = &reader->answers[0];
    bool has_id = first->id[0] || !first->question;
    return fail(err, STATUS_MISMATCH,
                "%s: none of its %zu answers is to a question of %s: the first is to '%.80s', the "
                "benchmark has '%.80s'",
                reader->path, reader->n, set->kind->title, has_id ? first->id : first->question,
                has_id ? set->samples[0].id : set->samples[0].question);
}

static enum status join(struct import_reader *reader, const struct dataset *set,
                        struct prediction *predictions, struct import_notes *notes,
                        struct error *err)
{
    struct string_map index;
    string_map_init(&index, &reader->scratch);
    bool *has_one = arena_alloc(&reader->scratch, set->n_samples, sizeof *has_one);
    for (size_t i = 0; i < set->n_samples; i++) {
        const char *id = set->samples[i].id;
        predictions[i] = (struct prediction){.sample_id = id, .failure = "no prediction"};
        string_map_add(&index, id, strlen(id), (int64_t)i, NULL);
    }
    if (arena_failed(&reader->scratch))
        return fail(err, STATUS_NO_MEMORY, "%s: out of memory", reader->path);
    for (size_t i = 0; i < reader->n; i++) {
        const struct import_answer *answer = &reader->answers[i];
        int64_t at = string_map_get(&index, answer->id, strlen(answer->id), -1);
        if (at < 0) {
            notes->n_extra += 1;
            continue;
        }
        enum status status = check_same(reader, answer, &set->samples[at], err);
        if (status)
            return status;
        notes->n_duplicate += has_one[at];
        notes->n_joined += !has_one[at];
        has_one[at] = true;
        predictions[at].text = answer->text;
        predictions[at].probabilities = answer->probabilities;
        predictions[at].failure = answer->failure;
    }
    notes->n_lines = reader->n;
    notes->n_missing = set->n_samples - notes->n_joined;
    return notes->n_joined > 0 ? STATUS_OK : fail_all(reader, set, err);
}

static enum status describe(const struct import_reader *reader, struct import_notes *notes,
                            struct error *err)
{
    const struct {
        size_t n;
        const char *what;
    } parts[] = {
        {notes->n_missing, "samples without an answer count as failed"},
        {notes->n_extra, "answers to no sample of the set are left out"},
        {notes->n_duplicate, "answers were replaced by a later one to the same question"},
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (parts[i].n > 0)
            notes->text = arena_printf(reader->arena, "%s%s%zu %s", notes->text ? notes->text : "",
                                       notes->text ? "; " : "", parts[i].n, parts[i].what);
    bool tells_images = true;
    for (size_t i = 0; i < reader->n; i++)
        tells_images &= reader->answers[i].image != NULL;
    if (notes->has_labels && !tells_images)
        notes->text = arena_printf(reader->arena,
                                   "%s%sthe file names no images: intervals take every question "
                                   "for a picture of its own",
                                   notes->text ? notes->text : "", notes->text ? "; " : "");
    return import_check_memory(reader, reader->path, err);
}

static enum status read_and_join(const struct import_format *format, struct import_reader *reader,
                                 struct dataset *set, struct prediction **out,
                                 struct import_notes *notes, struct error *err)
{
    enum status status = format->fill(reader, err);
    if (!status && reader->n == 0)
        status = fail(err, STATUS_BAD_FORMAT, "%s:1: the file holds no answer", reader->path);
    if (!status && !reader->set) {
        notes->has_labels = true;
        status = build_set(reader, set, err);
    }
    if (status)
        return status;
    struct prediction *predictions =
        arena_alloc(reader->arena, set->n_samples, sizeof *predictions);
    if (!predictions)
        return fail(err, STATUS_NO_MEMORY, "%s: out of memory", reader->path);
    if (!(status = join(reader, set, predictions, notes, err)))
        status = describe(reader, notes, err);
    *out = predictions;
    return status;
}

/* Spreadsheets are told by what they are, whatever their name: .xlsx is a zip archive, .xls an OLE
 * file. */
static enum status refuse_workbook(const char *path, struct error *err)
{
    static const char *const magics[] = {"PK\003\004", "\xD0\xCF\x11\xE0"};
    struct file_map map;
    struct error unreadable; /* who reads the file tells */
    if (directory_exists(path) || file_map_open(&map, path, &unreadable))
        return STATUS_OK;
    bool is_workbook = text_ends_with(path, ".xlsx") || text_ends_with(path, ".xls");
    for (size_t i = 0; i < sizeof magics / sizeof magics[0] && map.size_bytes >= 4; i++)
        is_workbook |= memcmp(map.data, magics[i], 4) == 0;
    file_map_close(&map);
    if (!is_workbook)
        return STATUS_OK;
    return fail(
        err, STATUS_UNSUPPORTED,
        "%s: a workbook (.xlsx) is not read; save it as .tsv or .csv and score that, or let "
        "VLMEvalKit write one (PRED_FORMAT=tsv)",
        path);
}

enum status predictions_import(const struct import_format *format, const char *path,
                               struct dataset *set, bool have_dataset, struct arena *arena,
                               struct prediction **out, struct import_notes *notes,
                               struct error *err)
{
    enum status status = refuse_workbook(path, err);
    *notes = (struct import_notes){0};
    if (status)
        return status;
    if (format->read)
        return format->read(path, set, have_dataset, arena, out, notes, err);
    if (!have_dataset) {
        const struct dataset_kind *kind = set->kind ? set->kind : dataset_kind_find("pope");
        *set = (struct dataset){.kind = kind, .variant = kind->variants[0]};
        arena_init(&set->arena);
    }
    struct import_reader reader = {
        .path = path, .kind = set->kind, .set = have_dataset ? set : NULL, .arena = arena};
    arena_init(&reader.scratch);
    status = read_and_join(format, &reader, set, out, notes, err);
    if (status && !have_dataset)
        dataset_close(set);
    arena_release(&reader.scratch);
    return status;
}
