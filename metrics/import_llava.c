/* LLaVA's answer files: JSON lines with question_id and text, as haotian-liu/LLaVA@c121f04:
 * llava/eval/model_vqa_loader.py:123-128 writes them for POPE.  The ids are those of
 * llava_pope_test.jsonl: id (adversarial), 10000000 + id (random), 20000000 + id (popular).
 * Where a line says "category" and "split_question_id", these count instead.
 *
 * TextVQA's question_id is that of the picture; such answers are joined by picture and by the
 * question in their prompt, and what cannot be joined is refused, as haotian-liu/LLaVA@c121f04:
 * llava/eval/eval_textvqa.py:17-45 does. */
#include "datasets/build.h"
#include "datasets/jsonl.h"
#include "datasets/letters.h"
#include "engine/base/string_map.h"
#include "metrics/import.h"
#include "metrics/python_text.h"
#include "metrics/textvqa_prompt.h"

#include <stdio.h>
#include <string.h>

enum { ID_STEP = 10000000, ID_BYTES = 128 };

/* In the order in which POPE's samples stand. */
static const char *const splits[] = {"adversarial", "popular", "random"};
enum { N_SPLITS = sizeof splits / sizeof splits[0] };

/* The splits by the millions of their question_id. */
static const char *const splits_by_id[] = {"adversarial", "random", "popular"};

/* One line of the file. */
struct answer {
    const char *id; /* of the sample: "random/17" */
    const char *text;
    const char *label, *image, *prompt; /* NULL where the line does not say */
    size_t line;
};

struct reader {
    const char *path;
    bool joins_by_prompt; /* TextVQA */
    struct answer *answers;
    size_t n, capacity;
    struct arena *arena; /* the caller's: holds the texts */
    struct arena scratch;
};

static const char *split_named(const char *name)
{
    for (size_t i = 0; i < N_SPLITS; i++)
        if (strcmp(splits[i], name) == 0)
            return splits[i];
    return NULL;
}

/* "adversarial/17" from the two keys that the line has. */
static enum status read_id_of_split(const cJSON *object, const char *place, char *id,
                                    struct error *err)
{
    const char *category;
    int number;
    enum status status;
    if ((status = json_get_string(object, "category", place, &category, err)) ||
        (status = json_get_int(object, "split_question_id", place, &number, err)))
        return status;
    if (!split_named(category))
        return fail(err, STATUS_BAD_FORMAT,
                    "%s: \"category\" is '%s', not adversarial, popular or random", place,
                    category);
    snprintf(id, ID_BYTES, "%s/%d", category, number);
    return STATUS_OK;
}

static enum status read_id(const cJSON *object, const char *place, bool is_pope, char *id,
                           struct error *err)
{
    if (is_pope && json_find(object, "split_question_id"))
        return read_id_of_split(object, place, id, err);
    const cJSON *question_id;
    enum status status = json_get(object, "question_id", place, &question_id, err);
    if (status)
        return status;
    if (cJSON_IsString(question_id) && strlen(question_id->valuestring) < ID_BYTES) {
        snprintf(id, ID_BYTES, "%s", question_id->valuestring);
        return STATUS_OK;
    }
    int number;
    if ((status = json_get_int(object, "question_id", place, &number, err)))
        return status;
    if (!is_pope) {
        snprintf(id, ID_BYTES, "%d", number);
        return STATUS_OK;
    }
    if (number < 0 || number / ID_STEP >= N_SPLITS)
        return fail(err, STATUS_BAD_FORMAT,
                    "%s: \"question_id\" is %d; POPE's are id, 10000000 + id and 20000000 + id",
                    place, number);
    snprintf(id, ID_BYTES, "%s/%d", splits_by_id[number / ID_STEP], number % ID_STEP);
    return STATUS_OK;
}

/* "PICTURE.jpg\nquestion in lower case". */
static const char *prompt_key(struct arena *arena, const char *image, const struct text *question)
{
    arena->failed |= question->failed;
    return arena_printf(arena, "%s\n%s", image, text_string(question));
}

static enum status read_prompt_key(struct reader *reader, const cJSON *object, const char *place,
                                   const char **key, struct error *err)
{
    const char *picture, *prompt;
    enum status status;
    if ((status = json_get_string(object, "question_id", place, &picture, err)) ||
        (status = json_get_string(object, "prompt", place, &prompt, err)))
        return status;
    struct text question;
    text_init(&question);
    if (textvqa_question_of(prompt, &question) != TEXTVQA_PROMPT_READ)
        status =
            fail(err, STATUS_BAD_FORMAT,
                 "%s: LLaVA's scorer reads no question out of the prompt '%.120s'", place, prompt);
    else
        *key = prompt_key(&reader->scratch, arena_printf(&reader->scratch, "%s.jpg", picture),
                          &question);
    text_release(&question);
    return status; /* scratch tells of memory */
}

/* What an answer to a sample is found under. */
static const char *key_of(struct reader *reader, const struct sample *sample)
{
    if (!reader->joins_by_prompt)
        return sample->id;
    struct text question;
    text_init(&question);
    python_lower(span_of(sample->question), &question);
    const char *key = prompt_key(&reader->scratch, sample->image_name, &question);
    text_release(&question);
    return key ? key : "";
}

static struct answer *add_answer(struct reader *reader)
{
    if (reader->n == reader->capacity) {
        size_t capacity = reader->capacity ? 2 * reader->capacity : 256;
        struct answer *more = arena_alloc(&reader->scratch, capacity, sizeof *more);
        if (!more)
            return NULL;
        if (reader->n > 0)
            memcpy(more, reader->answers, reader->n * sizeof *more);
        reader->answers = more;
        reader->capacity = capacity;
    }
    return &reader->answers[reader->n++];
}

static enum status read_line(struct reader *reader, const cJSON *object, const struct jsonl *lines,
                             bool is_pope, struct error *err)
{
    char buffer[ID_BYTES];
    const char *text, *id = buffer;
    enum status status = reader->joins_by_prompt
                             ? read_prompt_key(reader, object, lines->place, &id, err)
                             : read_id(object, lines->place, is_pope, buffer, err);
    if (status || (status = json_get_string(object, "text", lines->place, &text, err)))
        return status;
    struct answer *answer = add_answer(reader);
    if (answer) {
        struct arena *scratch = &reader->scratch;
        answer->id = arena_string(scratch, id);
        answer->text = arena_string(reader->arena, text);
        answer->label = arena_string(scratch, json_string_or(object, "label", NULL));
        answer->image = arena_string(scratch, json_string_or(object, "image", NULL));
        answer->prompt = arena_string(scratch, json_string_or(object, "prompt", NULL));
        answer->line = lines->lines.number;
    }
    if (arena_failed(&reader->scratch) || arena_failed(reader->arena))
        return fail(err, STATUS_NO_MEMORY, "%s: out of memory", lines->place);
    return STATUS_OK;
}

static enum status read_answers(struct reader *reader, bool is_pope, struct sha256_text *sha256,
                                struct error *err)
{
    struct jsonl lines;
    enum status status = jsonl_open(&lines, reader->path, err);
    if (status)
        return status;
    *sha256 = lines.sha256;
    const cJSON *object = NULL;
    while (!(status = jsonl_next(&lines, &object, err)) && object)
        if ((status = read_line(reader, object, &lines, is_pope, err)))
            break;
    jsonl_close(&lines);
    if (!status && reader->n == 0)
        status = fail(err, STATUS_BAD_FORMAT, "%s:1: the file holds no answer", reader->path);
    return status;
}

/* Builds POPE's samples from the labels in the answers: splits in their order, lines in the
 * file's; of two answers to a question the last counts. */
static enum status build_set(struct reader *reader, struct dataset *set,
                             const struct sha256_text *sha256, struct error *err)
{
    struct arena *arena = &set->arena;
    struct string_map seen;
    string_map_init(&seen, &reader->scratch);
    for (size_t s = 0; s < N_SPLITS; s++) {
        for (size_t i = 0; i < reader->n && !arena_failed(arena); i++) {
            const struct answer *answer = &reader->answers[i];
            size_t split_length = strlen(splits[s]);
            if (strncmp(answer->id, splits[s], split_length) != 0 ||
                answer->id[split_length] != '/')
                continue;
            if (!answer->label)
                return fail(err, STATUS_MISMATCH,
                            "%s:%zu: no \"label\": name the folder with POPE's files to score it",
                            reader->path, answer->line);
            if (!string_map_add(&seen, answer->id, strlen(answer->id), 1, NULL))
                continue;
            struct sample *sample = dataset_add_sample(set);
            if (!sample)
                break;
            sample->id = arena_string(arena, answer->id);
            /* Without a name each question is taken for a picture of its own. */
            sample->image_name = arena_string(arena, answer->image ? answer->image : answer->id);
            sample->image_path = sample->image_name;
            sample->question = arena_string(arena, answer->prompt ? answer->prompt : "");
            sample->group = splits[s];
            dataset_set_answer(set, sample, answer->label);
        }
    }
    dataset_add_file(set, reader->path, sha256, set->n_samples);
    dataset_add_note(set, "labels from the predictions file itself");
    if (arena_failed(&reader->scratch))
        return fail(err, STATUS_NO_MEMORY, "%s: out of memory", reader->path);
    return dataset_finish(set, err);
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
static enum status check_same(const struct reader *reader, const struct answer *answer,
                              const struct sample *sample, struct error *err)
{
    const char *what = NULL, *theirs = NULL, *ours = NULL;
    if (answer->prompt && !reader->joins_by_prompt && !asks(answer->prompt, sample->question)) {
        what = "prompt";
        theirs = answer->prompt;
        ours = sample->question;
    } else if (answer->image && strcmp(answer->image, sample->image_name) != 0) {
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
                reader->path, answer->line, sample->id, what, theirs, ours);
}

static enum status join(struct reader *reader, const struct dataset *set,
                        struct prediction *predictions, struct import_notes *notes,
                        struct error *err)
{
    struct string_map index;
    string_map_init(&index, &reader->scratch);
    for (size_t i = 0; i < set->n_samples; i++) {
        const char *key = key_of(reader, &set->samples[i]);
        predictions[i] = (struct prediction){.sample_id = set->samples[i].id};
        string_map_add(&index, key, strlen(key), (int64_t)i, NULL);
    }
    if (arena_failed(&reader->scratch))
        return fail(err, STATUS_NO_MEMORY, "%s: out of memory", reader->path);
    for (size_t i = 0; i < reader->n; i++) {
        const struct answer *answer = &reader->answers[i];
        int64_t at = string_map_get(&index, answer->id, strlen(answer->id), -1);
        if (at < 0 && reader->joins_by_prompt)
            return fail(err, STATUS_MISMATCH,
                        "%s:%zu: no question of the set is that of the prompt '%.120s' about this "
                        "picture",
                        reader->path, answer->line, answer->prompt);
        if (at < 0) {
            notes->n_extra += 1;
            continue;
        }
        enum status status = check_same(reader, answer, &set->samples[at], err);
        if (status)
            return status;
        notes->n_duplicate += predictions[at].text != NULL;
        notes->n_joined += predictions[at].text == NULL;
        predictions[at].text = answer->text;
    }
    for (size_t i = 0; i < set->n_samples; i++)
        if (!predictions[i].text)
            predictions[i].failure = "no prediction";
    notes->n_lines = reader->n;
    notes->n_missing = set->n_samples - notes->n_joined;
    return STATUS_OK;
}

static enum status describe(const struct reader *reader, struct import_notes *notes,
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
    if (arena_failed(reader->arena))
        return fail(err, STATUS_NO_MEMORY, "%s: out of memory", reader->path);
    return STATUS_OK;
}

static enum status read_and_join(struct reader *reader, struct dataset *set, bool have_dataset,
                                 struct prediction **out, struct import_notes *notes,
                                 struct error *err)
{
    bool is_pope = strcmp(set->kind->name, "pope") == 0;
    reader->joins_by_prompt = strcmp(set->kind->name, "textvqa") == 0;
    struct sha256_text sha256;
    enum status status = read_answers(reader, is_pope, &sha256, err);
    if (!status && !have_dataset) {
        notes->has_labels = true;
        status = build_set(reader, set, &sha256, err);
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

static enum status import_answers(const char *path, struct dataset *set, bool have_dataset,
                                  struct arena *arena, struct prediction **out,
                                  struct import_notes *notes, struct error *err)
{
    struct reader reader = {.path = path, .arena = arena};
    arena_init(&reader.scratch);
    if (!have_dataset) {
        *set = (struct dataset){.kind = dataset_kind_find("pope")};
        set->variant = set->kind->variants[0];
        arena_init(&set->arena);
    }
    enum status status = read_and_join(&reader, set, have_dataset, out, notes, err);
    if (status && !have_dataset)
        dataset_close(set);
    arena_release(&reader.scratch);
    return status;
}

const struct import_format import_llava = {
    .name = "llava",
    .title =
        "LLaVA's answer files: JSON lines with question_id (POPE: id, 10000000 + id, "
        "20000000 + id, or category and split_question_id; TextVQA: the picture's, and prompt) and "
        "text",
    .read = import_answers,
};
