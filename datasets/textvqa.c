/* TextVQA: questions about writing in pictures, alone or with the tokens that an OCR system read.
 *
 * Variants are a split ("val") and, behind a dash, whose tokens: "llava" is LLaVA's question file,
 * joined by picture and question as its scorer does
 * (LLaVA@c121f04:llava/eval/eval_textvqa.py:17-45); "tri" is TRI's, joined by position
 * (TRI-ML/vlm-evaluation@d9f5896:vlm_eval/tasks/harnesses/textvqa.py:49-58,86-87,166); "rosetta"
 * are the benchmark's own, joined by picture. */
#include "datasets/build.h"
#include "datasets/dataset.h"
#include "datasets/jsonl.h"
#include "datasets/letters.h"

#include <stdio.h>
#include <string.h>

static const char *const variants[] = {"val",         "val-llava",    "val-tri",
                                       "val-rosetta", "train",        "train-rosetta",
                                       "test",        "test-rosetta", NULL};

enum token_source { NO_TOKENS, LLAVA, TRI, ROSETTA };

/* The annotations of a split. */
static const struct textvqa_split {
    const char *file;
    bool has_answers;
    size_t n_questions;
    const char *folders[5]; /* of the pictures; the first is named where there is none */
} val = {"TextVQA_0.5.1_val.json",
         true,
         5000,
         {"train_images", "train_val_images", "text-vqa/train_val_images", "images", NULL}},
  train = {"TextVQA_0.5.1_train.json",
           true,
           34602,
           {"train_images", "train_val_images", "text-vqa/train_val_images", "images", NULL}},
  test = {"TextVQA_0.5.1_test.json",
          false,
          5734,
          {"test_images", "text-vqa/test_images", "images", NULL}};

static const struct textvqa_variant {
    const char *name;
    const struct textvqa_split *split;
    enum token_source source;
    const char *tokens; /* file; NULL: none */
} textvqa_variants[] = {
    {"val", &val, NO_TOKENS, NULL},
    {"val-llava", &val, LLAVA, "llava_textvqa_val_v051_ocr.jsonl"},
    {"val-tri", &val, TRI, "textvqa_val_v051_ocr.jsonl"},
    {"val-rosetta", &val, ROSETTA, "TextVQA_Rosetta_OCR_v0.2_val.json"},
    {"train", &train, NO_TOKENS, NULL},
    {"train-rosetta", &train, ROSETTA, "TextVQA_Rosetta_OCR_v0.2_train.json"},
    {"test", &test, NO_TOKENS, NULL},
    {"test-rosetta", &test, ROSETTA, "TextVQA_Rosetta_OCR_v0.2_test.json"},
};
enum { N_VARIANTS = sizeof textvqa_variants / sizeof textvqa_variants[0] };

/* sample.facts where the variant has tokens. */
struct textvqa_facts {
    const char *question_and_ocr; /* "{Question}\nReference OCR token: {t1, t2}" */
    const char *ocr_and_question; /* the two lines the other way round */
};

static const char ocr_line[] = "\nReference OCR token: ";
static const char ocr_line_unspaced[] = "\nReference OCR token:";
static const char instruction[] = "\nAnswer the question using a single word or phrase.";

struct loader {
    struct dataset *set;
    const struct textvqa_variant *variant;
    const char *images;
    struct string_pool pool;
    struct string_map index; /* of what the token file is joined by -> sample */
    struct arena scratch;
};

static enum status no_memory(const char *place, struct error *err)
{
    return fail(err, STATUS_NO_MEMORY, "%s: out of memory", place);
}

static enum status add_question(void *context, const cJSON *record, const char *place,
                                struct error *err)
{
    struct loader *loader = context;
    int id;
    const char *image, *question;
    enum status status;
    if ((status = json_get_int(record, "question_id", place, &id, err)) ||
        (status = json_get_string(record, "image_id", place, &image, err)) ||
        (status = dataset_check_image(image, place, err)) ||
        (status = json_get_string(record, "question", place, &question, err)))
        return status;
    struct arena *arena = &loader->set->arena;
    struct sample *sample = dataset_add_sample(loader->set);
    if (sample) {
        sample->id = arena_printf(arena, "%d", id);
        sample->image_name = arena_printf(arena, "%s.jpg", image);
        sample->image_path = arena_printf(arena, "%s/%s.jpg", loader->images, image);
        sample->question = arena_string(arena, question);
        if (loader->variant->split->has_answers || json_find(record, "answers"))
            status = dataset_set_ten_answers(loader->set, sample, json_find(record, "answers"),
                                             &loader->pool, place, err);
    }
    return !status && arena_failed(arena) ? no_memory(place, err) : status;
}

/* Puts both orders of question and tokens together.  text is a question, a line of tokens and what
 * may follow; the reversed order is that of
 * h-zhao1997/vlm-evaluation@b0a691f:vlm_eval/models/cobra.py: 121-138, which splits at the line's
 * beginning, the final space included, and stops where there are two. */
static enum status set_tokens(struct loader *loader, struct sample *sample, const char *text,
                              const char *place, struct error *err)
{
    struct arena *arena = &loader->set->arena;
    const char *line = strstr(text, ocr_line);
    size_t skip = sizeof ocr_line - 1;
    if (line && strstr(line + skip, ocr_line))
        return fail(err, STATUS_BAD_FORMAT, "%s: two lines of OCR tokens", place);
    struct textvqa_facts *facts = arena_alloc_small(arena, 1, sizeof *facts);
    if (!facts)
        return no_memory(place, err);
    facts->question_and_ocr = arena_string(arena, text);
    facts->ocr_and_question = line ? arena_printf(arena, "%s%s\n%.*s", ocr_line + 1, line + skip,
                                                  (int)(line - text), text)
                                   : facts->question_and_ocr;
    sample->facts = facts;
    return arena_failed(arena) ? no_memory(place, err) : STATUS_OK;
}

/* Capitalised, so that the annotations' spelling and that of the token files are one. */
static const char *capitalise(struct arena *arena, const char *question)
{
    struct text text;
    text_init(&text);
    letters_capitalise(question, &text);
    const char *copy = arena_string(arena, text_string(&text));
    arena->failed |= text.failed;
    text_release(&text);
    return copy;
}

/* The question in front of the tokens; must be that of the sample. */
static enum status take_question(struct loader *loader, struct sample *sample, const char *text,
                                 const char *place, struct error *err)
{
    const char *line = strstr(text, ocr_line_unspaced);
    if (!line)
        return fail(err, STATUS_BAD_FORMAT, "%s: \"text\" has no line 'Reference OCR token:'",
                    place);
    const char *question = arena_copy(&loader->set->arena, text, (size_t)(line - text));
    const char *ours = capitalise(&loader->scratch, sample->question);
    const char *theirs = question ? capitalise(&loader->scratch, question) : NULL;
    if (!ours || !theirs)
        return no_memory(place, err);
    if (strcmp(ours, theirs) != 0)
        return fail(err, STATUS_BAD_FORMAT,
                    "%s: asks '%.120s' where question_id %s of the annotations asks '%.120s'",
                    place, question, sample->id, sample->question);
    sample->question = question;
    return STATUS_OK;
}

/* TRI's file: the n-th line is about the n-th question. */
static enum status add_tri_line(struct loader *loader, const cJSON *object, size_t number,
                                const char *place, struct error *err)
{
    const char *text;
    enum status status = json_get_string(object, "text", place, &text, err);
    if (status)
        return status;
    if (number >= loader->set->n_samples)
        return fail(err, STATUS_BAD_FORMAT, "%s: more lines than %s has questions (%zu)", place,
                    loader->set->files[0].path, loader->set->n_samples);
    struct sample *sample = &loader->set->samples[number];
    if ((status = take_question(loader, sample, text, place, err)))
        return status;
    return set_tokens(loader, sample, text, place, err);
}

/* "PICTURE\nQuestion", in scratch. */
static const char *key_of(struct loader *loader, const char *image, const char *question)
{
    const char *capitalised = capitalise(&loader->scratch, question);
    return capitalised ? arena_printf(&loader->scratch, "%s\n%s", image, capitalised) : NULL;
}

/* LLaVA's file: text is the whole prompt. */
static enum status add_llava_line(struct loader *loader, const cJSON *object, size_t number,
                                  const char *place, struct error *err)
{
    (void)number;
    const char *image, *text;
    enum status status;
    if ((status = json_get_string(object, "image", place, &image, err)) ||
        (status = json_get_string(object, "text", place, &text, err)))
        return status;
    const char *line = strstr(text, ocr_line);
    if (!line || !text_ends_with(text, instruction))
        return fail(err, STATUS_BAD_FORMAT,
                    "%s: \"text\" is not a question, a line of OCR tokens and the instruction",
                    place);
    const char *question = arena_copy(&loader->scratch, text, (size_t)(line - text));
    const char *body = arena_copy(&loader->scratch, text, strlen(text) - (sizeof instruction - 1));
    const char *key = question && body ? key_of(loader, image, question) : NULL;
    if (!key)
        return no_memory(place, err);
    int64_t at = string_map_get(&loader->index, key, strlen(key), -1);
    if (at < 0)
        return fail(err, STATUS_BAD_FORMAT, "%s: '%.120s' about %.64s is not asked by %s", place,
                    question, image, loader->set->files[0].path);
    struct sample *sample = &loader->set->samples[at];
    if (sample->facts)
        return fail(err, STATUS_BAD_FORMAT, "%s: '%.120s' about %.64s was asked already", place,
                    question, image);
    if (strlen(body) < (size_t)(line - text) + sizeof ocr_line - 1)
        return fail(err, STATUS_BAD_FORMAT, "%s: the line of OCR tokens is cut short", place);
    if ((status = take_question(loader, sample, body, place, err)))
        return status;
    return set_tokens(loader, sample, body, place, err);
}

static enum status read_lines(struct loader *loader, const char *path,
                              enum status (*add)(struct loader *, const cJSON *, size_t,
                                                 const char *, struct error *),
                              struct error *err)
{
    struct jsonl lines;
    enum status status = jsonl_open(&lines, path, err);
    if (status)
        return status;
    size_t n = 0;
    const cJSON *object = NULL;
    while (!(status = jsonl_next(&lines, &object, err)) && object)
        if ((status = add(loader, object, n++, lines.place, err)))
            break;
    if (!status)
        dataset_add_file(loader->set, path, &lines.sha256, n);
    jsonl_close(&lines);
    return status;
}

/* Rosetta's file: the tokens of a picture, for all its questions. */
static enum status add_rosetta_record(void *context, const cJSON *record, const char *place,
                                      struct error *err)
{
    struct loader *loader = context;
    const char *image;
    const cJSON *tokens, *token;
    enum status status;
    if ((status = json_get_string(record, "image_id", place, &image, err)) ||
        (status = json_get_array(record, "ocr_tokens", place, &tokens, err)))
        return status;
    struct text line;
    text_init(&line);
    cJSON_ArrayForEach(token, tokens)
    {
        if (!status && !cJSON_IsString(token))
            status = fail(err, STATUS_BAD_FORMAT, "%s: \"ocr_tokens\" holds something not a string",
                          place);
        text_add(&line, token != tokens->child ? ", " : "");
        text_add(&line, cJSON_IsString(token) ? token->valuestring : "");
    }
    const char *name = arena_printf(&loader->scratch, "%s.jpg", image);
    const char *copy = arena_string(&loader->scratch, text_string(&line));
    bool failed = line.failed || !name || !copy;
    text_release(&line);
    if (status || failed)
        return status ? status : no_memory(place, err);
    if (!string_map_add(&loader->index, name, strlen(name), (int64_t)(intptr_t)copy, NULL))
        return arena_failed(&loader->scratch)
                   ? no_memory(place, err)
                   : fail(err, STATUS_BAD_FORMAT, "%s: image_id %.120s is there twice", place,
                          image);
    return STATUS_OK;
}

/* lmms-eval@75571cf:lmms_eval/tasks/textvqa/utils.py:43-54. */
static enum status join_rosetta(struct loader *loader, const char *path, struct error *err)
{
    struct dataset *set = loader->set;
    for (size_t i = 0; i < set->n_samples; i++) {
        struct sample *sample = &set->samples[i];
        int64_t tokens =
            string_map_get(&loader->index, sample->image_name, strlen(sample->image_name), 0);
        if (!tokens)
            return fail(err, STATUS_BAD_FORMAT,
                        "%s: no tokens for %s, the picture of question_id "
                        "%s in %s",
                        path, sample->image_name, sample->id, set->files[0].path);
        const char *question = capitalise(&loader->scratch, sample->question);
        const char *text = question ? arena_printf(&loader->scratch, "%s%s%s", question, ocr_line,
                                                   (const char *)(intptr_t)tokens)
                                    : NULL;
        enum status status =
            text ? set_tokens(loader, sample, text, path, err) : no_memory(path, err);
        if (status)
            return status;
    }
    return STATUS_OK;
}

static enum status index_questions(struct loader *loader, struct error *err)
{
    struct dataset *set = loader->set;
    for (size_t i = 0; i < set->n_samples; i++) {
        const char *key = key_of(loader, set->samples[i].image_name, set->samples[i].question);
        if (!key)
            return no_memory(set->files[0].path, err);
        if (!string_map_add(&loader->index, key, strlen(key), (int64_t)i, NULL) &&
            !arena_failed(&loader->scratch))
            return fail(err, STATUS_BAD_FORMAT,
                        "%s: data[%zu]: '%.120s' is asked twice about %.64s: LLaVA's file cannot "
                        "be joined",
                        set->files[0].path, i, set->samples[i].question,
                        set->samples[i].image_name);
    }
    return arena_failed(&loader->scratch) ? no_memory(set->files[0].path, err) : STATUS_OK;
}

static enum status read_tokens(struct loader *loader, const char *path, struct error *err)
{
    enum status status = STATUS_OK;
    switch (loader->variant->source) {
    case NO_TOKENS:
        return STATUS_OK;
    case LLAVA:
        if (!(status = index_questions(loader, err)))
            status = read_lines(loader, path, add_llava_line, err);
        break;
    case TRI:
        status = read_lines(loader, path, add_tri_line, err);
        break;
    case ROSETTA:
        status = dataset_read_records(loader->set, path, "data", add_rosetta_record, loader, err);
        if (!status)
            status = join_rosetta(loader, path, err);
        break;
    }
    for (size_t i = 0; i < loader->set->n_samples && !status; i++)
        if (!loader->set->samples[i].facts)
            status = fail(err, STATUS_BAD_FORMAT, "%s: nothing about question_id %s of %s", path,
                          loader->set->samples[i].id, loader->set->files[0].path);
    return status;
}

static enum status read_split(struct loader *loader, const char *directory, struct error *err)
{
    const struct textvqa_variant *variant = loader->variant;
    const struct textvqa_split *split = variant->split;
    static const char *const folders[] = {"text-vqa", "annotations", NULL};
    struct dataset *set = loader->set;
    const char *annotations, *tokens = NULL;
    enum status status = dataset_find_file(set, directory, split->file, folders, &annotations, err);
    if (!status && variant->tokens)
        status = dataset_find_file(set, directory, variant->tokens, folders, &tokens, err);
    if (!status)
        status = dataset_read_records(set, annotations, "data", add_question, loader, err);
    if (!status)
        status = read_tokens(loader, tokens, err);
    if (!status)
        dataset_note_count(set, split->file, "questions", set->n_samples, split->n_questions);
    return status;
}

static enum status load(struct dataset *set, const char *directory, struct error *err)
{
    struct loader loader = {.set = set};
    for (size_t i = 0; i < N_VARIANTS; i++)
        if (strcmp(textvqa_variants[i].name, set->variant) == 0)
            loader.variant = &textvqa_variants[i];
    const char *const *folders = loader.variant->split->folders;
    arena_init(&loader.scratch);
    string_map_init(&loader.index, &loader.scratch);
    string_pool_init(&loader.pool, &set->arena);
    loader.images = dataset_find_path(&set->arena, directory, folders, true);
    if (!loader.images)
        loader.images = arena_printf(&set->arena, "%s/%s", directory, folders[0]);
    enum status status = read_split(&loader, directory, err);
    string_pool_release(&loader.pool);
    arena_release(&loader.scratch);
    return status;
}

static bool has_tokens(const char *variant)
{
    return strchr(variant, '-') != NULL;
}

static const char *question_and_ocr(const struct sample *sample)
{
    return ((const struct textvqa_facts *)sample->facts)->question_and_ocr;
}

static const char *ocr_and_question(const struct sample *sample)
{
    return ((const struct textvqa_facts *)sample->facts)->ocr_and_question;
}

static const struct dataset_part parts[] = {
    {"{question+ocr}", has_tokens, question_and_ocr},
    {"{ocr+question}", has_tokens, ocr_and_question},
    {0},
};

const struct dataset_kind dataset_textvqa = {
    .name = "textvqa",
    .title = "TextVQA (writing in pictures)",
    .variants = variants,
    .expects = "TextVQA_0.5.1_val.json, for variants with OCR tokens "
               "llava_textvqa_val_v051_ocr.jsonl, textvqa_val_v051_ocr.jsonl or "
               "TextVQA_Rosetta_OCR_v0.2_val.json, and the pictures in train_images/",
    .load = load,
    .parts = parts,
};
