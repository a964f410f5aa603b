#include "eval/history.h"

#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/base/lines.h"
#include "engine/base/sha256.h"
#include "reports/json_writer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static enum status no_memory(struct error *err)
{
    return fail(err, STATUS_NO_MEMORY, "out of memory for the history");
}

/* Takes over root where it is a line of a history; else the sentence says what it lacks. */
static bool take_line(struct history *history, cJSON *root, const char *place, struct error *why)
{
    struct history_line line = {.root = root};
    bool ok = json_get_string(root, "run", place, &line.run, why) == STATUS_OK &&
              json_get_string(root, "commit", place, &line.commit, why) == STATUS_OK &&
              json_get_string(root, "date", place, &line.date, why) == STATUS_OK &&
              json_get_string(root, "task", place, &line.task, why) == STATUS_OK &&
              json_get_string(root, "model", place, &line.model, why) == STATUS_OK;
    if (ok && json_number_or(root, "history", 0) < 1) {
        fail(why, STATUS_BAD_FORMAT, "%s: \"history\" is missing", place);
        ok = false;
    }
    if (ok && json_number_or(root, "history", 0) > HISTORY_VERSION) {
        fail(why, STATUS_BAD_FORMAT, "%s: is of a newer mambench", place);
        ok = false;
    }
    if (ok)
        history->lines[history->n++] = line;
    return ok;
}

static size_t count_lines(const char *data, size_t size)
{
    size_t n = 1;
    for (size_t i = 0; i < size; i++)
        n += data[i] == '\n';
    return n;
}

/* Room for n lines more. */
static bool make_room(struct history *history, size_t n)
{
    size_t capacity = history->n + n;
    if (capacity <= history->capacity)
        return true;
    struct history_line *lines = arena_alloc_small(&history->arena, 2 * capacity, sizeof *lines);
    if (!lines)
        return false;
    if (history->n > 0)
        memcpy(lines, history->lines, history->n * sizeof *lines);
    history->lines = lines;
    history->capacity = 2 * capacity;
    return true;
}

static enum status read_lines(struct history *history, const char *path, const char *data,
                              size_t size, struct error *err)
{
    struct lines lines;
    const char *line;
    size_t length, n = count_lines(data, size);
    history->damaged = arena_alloc_small(&history->arena, n, sizeof *history->damaged);
    if (!history->damaged || !make_room(history, n))
        return no_memory(err);
    lines_init(&lines, data, size);
    while (lines_next(&lines, &line, &length)) {
        struct error why = {""};
        cJSON *root = NULL;
        if (line_is_blank(line, length))
            continue;
        const char *place = arena_printf(&history->arena, "%s, line %zu", path, lines.number);
        if (!place)
            return no_memory(err);
        if (json_parse(&root, line, length, place, &why) == STATUS_OK &&
            take_line(history, root, place, &why))
            continue;
        cJSON_Delete(root);
        history->damaged[history->n_damaged++] = arena_string(&history->arena, why.text);
    }
    history->lacks_newline = size > 0 && data[size - 1] != '\n';
    return arena_failed(&history->arena) ? no_memory(err) : STATUS_OK;
}

enum status history_open(struct history *history, const char *path, struct error *err)
{
    char *data;
    size_t size;
    *history = (struct history){0};
    arena_init(&history->arena);
    if (!file_exists(path))
        return STATUS_OK;
    enum status status = file_read(path, &history->arena, &data, &size, err);
    if (!status)
        status = read_lines(history, path, data, size, err);
    if (status)
        history_close(history);
    return status;
}

void history_close(struct history *history)
{
    for (size_t i = 0; i < history->n; i++)
        cJSON_Delete(history->lines[i].root);
    arena_release(&history->arena);
    *history = (struct history){0};
}

/* When it began, and the digest that it is known by. */
static enum status identify(const struct run_record *run, struct arena *arena, const char **date,
                            struct sha256_text *digest, struct error *err)
{
    cJSON *manifest;
    struct sha256_text answers;
    struct text text;
    const char *path = path_join(arena, run->path, "manifest.json");
    const char *log = path_join(arena, run->path, "predictions.jsonl");
    enum status status = path && log ? json_read(&manifest, path, err) : no_memory(err);
    if (status)
        return status;
    const cJSON *starts = json_find(manifest, "starts");
    const cJSON *first = starts ? starts->child : NULL;
    *date = arena_string(arena, json_string_or(first, "began", "unknown"));
    status = sha256_file(log, &answers, err);
    text_init(&text);
    text_addf(&text, "%s %s %s %s %s %s %s", run->version ? run->version : "", run->protocol,
              run->model_hash ? run->model_hash : "", run->precision ? run->precision : "", *date,
              json_string_or(first, "host", ""), status ? "" : answers.hex);
    *digest = sha256_bytes(text_string(&text), text.length);
    if (!status && (text.failed || !digest->hex[0]))
        status = no_memory(err);
    text_release(&text);
    cJSON_Delete(manifest);
    return status;
}

static bool is_there(const struct history *history, const char *digest)
{
    for (size_t i = 0; i < history->n; i++)
        if (strcmp(history->lines[i].run, digest) == 0)
            return true;
    return false;
}

static void put_scores(struct json_writer *writer, const struct run_record *run)
{
    json_open(writer, "scores", '{');
    for (size_t i = 0; i < run->n_scores; i++) {
        const struct score *score = &run->scores[i];
        if (!score->name || !(score->scale > 0) || !isfinite(score->value))
            continue;
        json_open(writer, score->name, '[');
        json_put_number(writer, NULL, score->value / score->scale);
        json_put_number(writer, NULL, score->low / score->scale);
        json_put_number(writer, NULL, score->high / score->scale);
        json_close(writer, ']');
    }
    json_close(writer, '}');
}

static void put_latency(struct json_writer *writer, const struct run_record *run)
{
    const struct run_speed *speed = &run->speed;
    json_open(writer, "latency", '{');
    json_put_number(writer, "first_token_ms", speed->first_token_median_ns / 1e6);
    json_put_number(writer, "questions_per_s", speed->n > 0 ? speed->questions_per_s : (double)NAN);
    json_put_count(writer, "samples", speed->n);
    json_put_string(writer, "machine", run->cpu);
    json_put_count(writer, "cores", (uint64_t)run->cores);
    json_close(writer, '}');
}

static void put_run(struct text *out, const struct run_record *run, const char *digest,
                    const char *commit, const char *date)
{
    struct json_writer writer;
    json_begin_line(&writer, out);
    json_open(&writer, NULL, '{');
    json_put_count(&writer, "history", HISTORY_VERSION);
    json_put_string(&writer, "run", digest);
    json_put_string(&writer, "commit", commit ? commit : run->version ? run->version : "unknown");
    json_put_string(&writer, "date", date);
    json_put_string(&writer, "task", run->protocol);
    json_put_string(&writer, "protocol_sha256", run->protocol_hash);
    json_put_string(&writer, "model", run->model);
    json_put_string(&writer, "model_sha256", run->model_hash);
    json_put_string(&writer, "precision", run->precision);
    json_put_string(&writer, "kernels", run->kernels);
    json_put_count(&writer, "samples", run->n_samples);
    json_put_count(&writer, "failed", run->n_failed);
    json_put_string(&writer, "headline", run_headline(run)->name);
    put_scores(&writer, run);
    put_latency(&writer, run);
    json_close(&writer, '}');
    text_add_char(out, '\n');
}

enum status history_add_run(struct history *history, const struct run_record *run,
                            const char *commit, bool *is_new, struct text *out, struct error *err)
{
    struct sha256_text digest;
    const char *date;
    cJSON *root;
    enum status status = identify(run, &history->arena, &date, &digest, err);
    if (status)
        return status;
    *is_new = !is_there(history, digest.hex);
    if (!*is_new)
        return STATUS_OK;
    size_t start = out->length;
    put_run(out, run, digest.hex, commit, date);
    if (out->failed || !make_room(history, 1))
        return no_memory(err);
    status = json_parse(&root, out->data + start, out->length - start, "the new line", err);
    if (!status && !take_line(history, root, "the new line", err)) {
        cJSON_Delete(root);
        status = STATUS_BAD_FORMAT;
    }
    return status;
}
