#include "eval/prediction_log.h"

#include "engine/base/clock.h"
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/base/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SYNC_SECONDS = 5 };

static void add_member(struct text *out, const char *key, const char *value)
{
    json_add_string(out, key);
    text_add(out, ": ");
    json_add_string(out, value);
}

static void add_numbers(struct text *out, const char *key, const double *values, size_t n)
{
    text_addf(out, ", \"%s\": [", key);
    for (size_t i = 0; i < n; i++) {
        text_add(out, i > 0 ? ", " : "");
        json_add_number(out, values[i]);
    }
    text_add_char(out, ']');
}

static void add_digests(struct text *out, const struct answer *answer)
{
    text_add(out, ", \"digest\": \"");
    for (int i = 0; i < DIGEST_N; i++) {
        text_add(out, i > 0 ? " " : "");
        if (answer->digests[i])
            text_addf(out, "%016" PRIx64, answer->digests[i]);
        else
            text_add_char(out, '-');
    }
    text_add_char(out, '"');
}

void log_line_add(struct text *out, const char *id, const char *image, const struct answer *answer)
{
    text_add_char(out, '{');
    add_member(out, "id", id);
    text_add(out, ", ");
    add_member(out, "image", image);
    if (answer->failure) {
        text_add(out, ", ");
        add_member(out, "error", answer->failure);
    } else {
        if (answer->text) {
            text_add(out, ", ");
            add_member(out, "text", answer->text);
        }
        if (answer->n_choices > 0)
            add_numbers(out, "probabilities", answer->probabilities, answer->n_choices);
        if (answer->has_logits)
            add_numbers(out, "logits", answer->logits, answer->n_choices);
        if (answer->is_measured)
            text_addf(out, ", \"prompt_tokens\": %zu, \"tokens\": %zu, \"ended\": %s",
                      answer->n_prompt_tokens, answer->n_tokens, answer->ended ? "true" : "false");
        if (answer->truncated)
            text_add(out, ", \"truncated\": true");
    }
    if (answer->has_digests)
        add_digests(out, answer);
    if (answer->warning) {
        text_add(out, ", ");
        add_member(out, "warning", answer->warning);
    }
    text_add(out, "}\n");
}

void timing_line_add(struct text *out, const char *id, const struct answer *answer)
{
    int64_t first_token = 0;
    if (answer->repeated) {
        text_add_char(out, '{');
        add_member(out, "id", id);
        text_add(out, ", \"repeated\": true}\n");
        return;
    }
    for (int stage = 0; stage <= STAGE_PROMPT; stage++)
        first_token += answer->timings.ns[stage];
    text_add_char(out, '{');
    add_member(out, "id", id);
    text_addf(out,
              ", \"together\": %zu, \"image_reused\": %s, \"image_tokens\": %zu, "
              "\"prompt_tokens\": %zu, "
              "\"tokens\": %zu, \"first_token_ns\": %lld, \"ns\": {",
              answer->together, answer->image_reused ? "true" : "false", answer->n_image_tokens,
              answer->n_prompt_tokens, answer->n_tokens, (long long)first_token);
    for (int stage = 0; stage < STAGE_N; stage++)
        text_addf(out, "%s\"%s\": %lld", stage > 0 ? ", " : "", stage_name((enum stage)stage),
                  (long long)answer->timings.ns[stage]);
    text_add(out, "}}\n");
}

/* A list of numbers, one a choice; *out stays NULL where the line has none. */
static enum status read_numbers(const double **out, size_t *n_out, const cJSON *object,
                                const char *key, const char *place, struct arena *arena,
                                struct error *err)
{
    size_t n = 0;
    const cJSON *array = json_find(object, key), *item;
    if (!array)
        return STATUS_OK;
    cJSON_ArrayForEach(item, array) n++;
    if (!cJSON_IsArray(array) || n > PROTOCOL_MAX_CHOICES)
        return fail(err, STATUS_BAD_FORMAT, "%s: \"%s\" is not a list of at most %d", place, key,
                    PROTOCOL_MAX_CHOICES);
    double *values = arena_alloc_small(arena, n + 1, sizeof *values);
    if (!values)
        return fail(err, STATUS_NO_MEMORY, "out of memory while reading %s", place);
    n = 0;
    cJSON_ArrayForEach(item, array)
    {
        if (!cJSON_IsNumber(item) && !cJSON_IsNull(item))
            return fail(err, STATUS_BAD_FORMAT, "%s: \"%s\" holds something that is not a number",
                        place, key);
        /* null is how a value that is not finite was written. */
        values[n++] = cJSON_IsNumber(item) ? item->valuedouble : (double)NAN;
    }
    *out = values;
    *n_out = n;
    return STATUS_OK;
}

/* One word of "digest"; false if it is neither 16 digits nor "-". */
static bool read_digest(const char **at, uint64_t *out)
{
    *out = 0;
    if (**at == '-') {
        *at += 1;
        return true;
    }
    for (int i = 0; i < 16; i++, *at += 1) {
        char c = **at;
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
        *out = *out << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return *out != 0;
}

static enum status read_digests(struct log_entry *entry, const cJSON *object, const char *place,
                                struct error *err)
{
    const cJSON *item = json_find(object, "digest");
    const char *at = cJSON_IsString(item) ? item->valuestring : "";
    if (!item)
        return STATUS_OK;
    bool good = true;
    for (int i = 0; good && i < DIGEST_N; i++) {
        good = i == 0 || *at++ == ' ';
        good = good && read_digest(&at, &entry->digests[i]);
    }
    if (!good || *at)
        return fail(err, STATUS_BAD_FORMAT, "%s: \"digest\" is not %d times 16 digits or \"-\"",
                    place, DIGEST_N);
    entry->has_digests = true;
    return STATUS_OK;
}

static const char *copy_member(const cJSON *object, const char *key, struct arena *arena)
{
    const char *value = json_string_or(object, key, NULL);
    return value ? arena_string(arena, value) : NULL;
}

static enum status read_entry(struct log_entry *entry, const cJSON *object, const char *place,
                              struct arena *arena, struct error *err)
{
    const char *id, *image;
    if (!cJSON_IsObject(object))
        return fail(err, STATUS_BAD_FORMAT, "%s: a JSON object is expected", place);
    enum status status = json_get_string(object, "id", place, &id, err);
    if (!status)
        status = json_get_string(object, "image", place, &image, err);
    if (status)
        return status;
    *entry = (struct log_entry){.id = arena_string(arena, id), .image = arena_string(arena, image)};
    entry->text = copy_member(object, "text", arena);
    entry->failure = copy_member(object, "error", arena);
    entry->warning = copy_member(object, "warning", arena);
    size_t n_logits = 0;
    double n_tokens = json_number_or(object, "prompt_tokens", 0);
    entry->n_prompt_tokens = n_tokens > 0 && n_tokens < 1e9 ? (size_t)n_tokens : 0;
    status = read_numbers(&entry->probabilities, &entry->n_choices, object, "probabilities", place,
                          arena, err);
    if (!status)
        status = read_numbers(&entry->logits, &n_logits, object, "logits", place, arena, err);
    if (!status && entry->logits && n_logits != entry->n_choices)
        status = fail(err, STATUS_BAD_FORMAT, "%s: %zu \"logits\" beside %zu \"probabilities\"",
                      place, n_logits, entry->n_choices);
    if (!status)
        status = read_digests(entry, object, place, err);
    if (!status && !entry->failure && !entry->text && !entry->probabilities)
        status = fail(err, STATUS_BAD_FORMAT,
                      "%s: neither \"text\", \"probabilities\" nor \"error\" is there", place);
    if (!status && arena_failed(arena))
        status = fail(err, STATUS_NO_MEMORY, "out of memory while reading %s", place);
    return status;
}

enum status log_line_parse(struct log_entry *entry, const char *line, size_t length,
                           const char *place, struct arena *arena, struct error *err)
{
    cJSON *root = NULL;
    enum status status = json_parse(&root, line, length, place, err);
    if (status)
        return status;
    status = read_entry(entry, root, place, arena, err);
    cJSON_Delete(root);
    return status;
}

/* Whole lines at the start of data: up to the last newline, less a last line that is not JSON
 * (a crash of the machine can leave zeroes in place of what was not yet on the disk). */
static size_t whole_bytes(const char *data, size_t length)
{
    const char *newline = length > 0 ? memrchr(data, '\n', length) : NULL;
    if (!newline)
        return 0;
    size_t whole = (size_t)(newline - data) + 1;
    const char *before = whole > 1 ? memrchr(data, '\n', whole - 1) : NULL;
    const char *last = before ? before + 1 : data;
    cJSON *root = NULL;
    if (json_parse(&root, last, (size_t)(newline - last), "", NULL))
        return (size_t)(last - data);
    cJSON_Delete(root);
    return whole;
}

static size_t count_lines(const char *data, size_t length)
{
    size_t n = 0;
    for (size_t i = 0; i < length; i++)
        n += data[i] == '\n';
    return n + 1;
}

static enum status read_lines(const char *path, const char *data, size_t length,
                              struct arena *arena, struct log_entry *entries, size_t *n,
                              struct error *err)
{
    struct lines lines;
    const char *line;
    size_t size;
    lines_init(&lines, data, length);
    while (lines_next(&lines, &line, &size)) {
        char place[512];
        if (line_is_blank(line, size))
            continue;
        snprintf(place, sizeof place, "%.450s: line %zu", path, lines.number);
        enum status status = log_line_parse(&entries[*n], line, size, place, arena, err);
        if (status)
            return status;
        *n += 1;
    }
    return STATUS_OK;
}

enum status log_read(const char *path, struct arena *arena, struct log_entry **entries, size_t *n,
                     bool *torn, struct error *err)
{
    struct file_map map;
    enum status status = file_map_open(&map, path, err);
    if (status)
        return status;
    const char *data = (const char *)map.data;
    size_t whole = whole_bytes(data, map.size_bytes);
    *n = 0;
    *entries = arena_alloc_small(arena, whole ? count_lines(data, whole) : 1, sizeof **entries);
    if (!*entries)
        status = fail(err, STATUS_NO_MEMORY, "out of memory while reading %s", path);
    else
        status = read_lines(path, data, whole, arena, *entries, n, err);
    if (torn)
        *torn = whole != map.size_bytes;
    file_map_close(&map);
    return status;
}

enum status log_read_bytes(const char *path, struct text *out, struct error *err)
{
    struct file_map map;
    enum status status = file_map_open(&map, path, err);
    if (status)
        return status;
    const char *data = (const char *)map.data;
    size_t whole = whole_bytes(data, map.size_bytes);
    if (whole > 0)
        text_add_bytes(out, data, whole);
    file_map_close(&map);
    return out->failed ? fail(err, STATUS_NO_MEMORY, "out of memory while reading %s", path)
                       : STATUS_OK;
}

bool log_is_locked(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool locked = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    close(fd);
    return locked;
}

static enum status cannot_write(const struct log_file *log, struct error *err)
{
    return fail(err, STATUS_IO, "cannot write %s: %s", log->path, strerror(errno));
}

/* Cuts off what is not a whole line and goes to the end. */
static enum status cut_and_seek(struct log_file *log, bool keep, struct error *err)
{
    struct file_map map = {0};
    if (keep) {
        enum status status = file_map_open(&map, log->path, err);
        if (status)
            return status;
        log->good_bytes = whole_bytes((const char *)map.data, map.size_bytes);
        file_map_close(&map);
    }
    if (ftruncate(log->fd, (off_t)log->good_bytes) != 0 ||
        lseek(log->fd, (off_t)log->good_bytes, SEEK_SET) < 0)
        return cannot_write(log, err);
    return STATUS_OK;
}

enum status log_open(struct log_file *log, const char *path, bool keep, struct error *err)
{
    *log = (struct log_file){.path = path, .synced_ns = clock_ns()};
    log->fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (log->fd < 0)
        return cannot_write(log, err);
    enum status status;
    if (flock(log->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        status = fail(err, STATUS_USAGE, "%s is being written by another mambench", path);
    else
        status = cut_and_seek(log, keep, err);
    if (status) {
        close(log->fd);
        log->fd = -1;
    }
    return status;
}

/* What is written to a file that has lost its last name is gone with this process. */
static enum status check_name(const struct log_file *log, struct error *err)
{
    struct stat info;
    if (fstat(log->fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_nlink == 0)
        return fail(err, STATUS_IO, "%s was removed while it was being written", log->path);
    return STATUS_OK;
}

static enum status sync_log(struct log_file *log, struct error *err)
{
    log->unsynced = 0;
    log->synced_ns = clock_ns();
    /* EINVAL: what cannot be synced, such as a pipe. */
    if (fsync(log->fd) != 0 && errno != EINVAL && errno != EROFS)
        return cannot_write(log, err);
    return check_name(log, err);
}

static enum status write_all(struct log_file *log, const struct text *lines, struct error *err)
{
    size_t done = 0;
    while (done < lines->length) {
        ssize_t n = write(log->fd, lines->data + done, lines->length - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            enum status status = cannot_write(log, err);
            /* Best effort: a torn line that stays is cut off by the next start. */
            if (ftruncate(log->fd, (off_t)log->good_bytes) == 0)
                lseek(log->fd, (off_t)log->good_bytes, SEEK_SET);
            return status;
        }
        done += (size_t)n;
    }
    log->good_bytes += lines->length;
    return STATUS_OK;
}

enum status log_append(struct log_file *log, const struct text *lines, size_t sync_every,
                       struct error *err)
{
    if (lines->failed)
        return fail(err, STATUS_NO_MEMORY, "out of memory while writing %s", log->path);
    enum status status = write_all(log, lines, err);
    if (status)
        return status;
    log->unsynced += 1;
    bool late = clock_ns() - log->synced_ns >= SYNC_SECONDS * INT64_C(1000000000);
    if (sync_every > 0 && (log->unsynced >= sync_every || late))
        return sync_log(log, err);
    return STATUS_OK;
}

enum status log_close(struct log_file *log, struct error *err)
{
    enum status status = STATUS_OK;
    if (log->fd < 0)
        return STATUS_OK;
    status = sync_log(log, err);
    if (close(log->fd) != 0 && !status)
        status = cannot_write(log, err);
    log->fd = -1;
    return status;
}
