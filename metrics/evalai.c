#include "metrics/evalai.h"

#include "metrics/vqa_text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct evalai_format formats[] = {
    {"vqav2", "question_id", true, true, "test", "test-dev",
     "haotian-liu/LLaVA@c121f04:scripts/convert_vqav2_for_submission.py:25-56"},
    {"vizwiz", "image", false, false, NULL, NULL,
     "haotian-liu/LLaVA@c121f04:scripts/convert_vizwiz_for_submission.py:39-47"},
    {"textvqa", "question_id", true, false, NULL, NULL,
     "EvolvingLMMs-Lab/lmms-eval@75571cf:lmms_eval/tasks/textvqa/utils.py:34-40,57-61"},
};

const struct evalai_format *evalai_format_find(const char *dataset)
{
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        if (strcmp(formats[i].dataset, dataset) == 0)
            return &formats[i];
    return NULL;
}

/* What names a sample in the file. */
static const char *name_of(const struct evalai_format *format, const struct sample *sample)
{
    return format->key_is_number ? sample->id : sample->image_name;
}

static bool is_number(const char *text)
{
    return text[0] && text[strspn(text, "0123456789")] == '\0';
}

static void add_entry(const struct evalai_format *format, const char *name, const char *answer,
                      struct text *out)
{
    text_addf(out, "{\"%s\": ", format->key);
    if (format->key_is_number)
        text_add(out, name);
    else
        json_add_string(out, name);
    text_add(out, ", \"answer\": ");
    json_add_string(out, answer);
    text_add_char(out, '}');
}

enum status evalai_write(const struct evalai_format *format, const struct dataset *set,
                         const struct prediction *predictions, bool empty_for_missing,
                         struct text *out, struct error *err)
{
    struct text answer;
    text_init(&answer);
    enum status status = STATUS_OK;
    text_add_char(out, '[');
    for (size_t i = 0; i < set->n_samples && !status; i++) {
        const char *name = name_of(format, &set->samples[i]);
        bool is_missing = predictions[i].failure || !predictions[i].text;
        if (is_missing && !format->missing_is_empty && !empty_for_missing)
            status =
                fail(err, STATUS_MISMATCH,
                     "%s %s has no answer (%s): a submission must hold every question", format->key,
                     name, predictions[i].failure ? predictions[i].failure : "no text");
        else if (format->key_is_number && !is_number(name))
            status =
                fail(err, STATUS_MISMATCH, "the id '%s' is not a number, as EvalAI wants it", name);
        if (status)
            break;
        text_reset(&answer);
        if (!is_missing)
            vqa_normalise_m4c(span_of(predictions[i].text), &answer);
        text_add(out, i > 0 ? ", " : "");
        add_entry(format, name, text_string(&answer), out);
    }
    text_add_char(out, ']');
    if (!status && (out->failed || answer.failed))
        status = fail(err, STATUS_NO_MEMORY, "out of memory while writing a submission");
    text_release(&answer);
    return status;
}

static enum status no_memory(const struct evalai_join *join, struct error *err)
{
    return fail(err, STATUS_NO_MEMORY, "%s: out of memory", join->path);
}

enum status evalai_join_begin(struct evalai_join *join, const struct dataset *set, const char *path,
                              struct arena *arena, struct error *err)
{
    *join = (struct evalai_join){
        .format = evalai_format_find(set->kind->name), .set = set, .path = path, .arena = arena};
    if (!join->format)
        return fail(err, STATUS_UNSUPPORTED, "%s: %s has no result files of this kind", path,
                    set->kind->title);
    string_map_init(&join->index, arena);
    join->predictions = arena_alloc(arena, set->n_samples, sizeof *join->predictions);
    for (size_t i = 0; i < set->n_samples && join->predictions; i++) {
        const char *name = name_of(join->format, &set->samples[i]);
        join->predictions[i].sample_id = set->samples[i].id;
        string_map_add(&join->index, name, strlen(name), (int64_t)i, NULL);
    }
    return arena_failed(arena) ? no_memory(join, err) : STATUS_OK;
}

/* The name that an entry gives, in buffer or in the tree; NULL where its type is another. */
static const char *name_in(const struct evalai_format *format, const cJSON *key, char *buffer,
                           size_t size)
{
    if (!format->key_is_number)
        return cJSON_IsString(key) ? key->valuestring : NULL;
    if (!cJSON_IsNumber(key) || key->valuedouble != floor(key->valuedouble) ||
        fabs(key->valuedouble) > 9e15)
        return NULL;
    snprintf(buffer, size, "%.0f", key->valuedouble);
    return buffer;
}

enum status evalai_join_add(struct evalai_join *join, const cJSON *entry, struct error *err)
{
    size_t number = join->n_entries++;
    const char *key_name = join->format->key;
    const cJSON *key = json_find(entry, key_name), *answer = json_find(entry, "answer");
    join->fault = EVALAI_BAD_ENTRY;
    if (!cJSON_IsObject(entry) || !key || !cJSON_IsString(answer))
        return fail(err, STATUS_BAD_FORMAT,
                    "%s: results[%zu] is not an object with \"%s\" and a text \"answer\"",
                    join->path, number, key_name);
    join->fault = EVALAI_OTHER_QUESTIONS;
    char buffer[32];
    const char *name = name_in(join->format, key, buffer, sizeof buffer);
    if (!name)
        return fail(err, STATUS_MISMATCH,
                    "%s: results[%zu]: \"%s\" is not a %s: the official scorer refuses the file",
                    join->path, number, key_name,
                    join->format->key_is_number ? "whole number" : "string");
    int64_t at = string_map_get(&join->index, name, strlen(name), -1);
    if (at < 0)
        return fail(err, STATUS_MISMATCH,
                    "%s: results[%zu]: %s %.120s is no question of the set: the official scorer "
                    "refuses the file",
                    join->path, number, key_name, name);
    join->fault = EVALAI_SOUND;
    join->n_duplicate += join->predictions[at].text != NULL;
    join->predictions[at].text = arena_string(join->arena, answer->valuestring);
    return arena_failed(join->arena) ? no_memory(join, err) : STATUS_OK;
}

enum status evalai_join_end(struct evalai_join *join, struct error *err)
{
    size_t n_missing = 0, first = 0;
    for (size_t i = join->set->n_samples; i-- > 0;) {
        if (join->predictions[i].text)
            continue;
        n_missing += 1;
        first = i;
    }
    if (n_missing == 0)
        return STATUS_OK;
    join->fault = EVALAI_OTHER_QUESTIONS;
    return fail(err, STATUS_MISMATCH,
                "%s: %zu questions have no answer, the first is %s %s: the official scorer refuses "
                "the file",
                join->path, n_missing, join->format->key,
                name_of(join->format, &join->set->samples[first]));
}
