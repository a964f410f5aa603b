#include "eval/gate_credits.h"

#include "engine/base/json.h"
#include "engine/base/text.h"

#include <math.h>
#include <string.h>

static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
enum { MOST_LEVELS = sizeof digits - 1, DIGITS_A_LINE = 100 };

struct sha256_text gate_samples_hash(const struct dataset *set)
{
    struct text text;
    struct sha256_text hash = {""};
    text_init(&text);
    for (size_t i = 0; i < set->n_samples; i++) {
        const struct sample *sample = &set->samples[i];
        text_add_bytes(&text, sample->id, strlen(sample->id) + 1);
        text_add_bytes(&text, sample->question, strlen(sample->question) + 1);
        text_add_bytes(&text, sample->image_name, strlen(sample->image_name) + 1);
    }
    if (!text.failed)
        hash = sha256_bytes(text.data, text.length);
    text_release(&text);
    return hash;
}

/* The level of a credit, which is added where it is new; MOST_LEVELS where there is no room. */
static size_t level_of(double credit, double *levels, size_t *n_levels)
{
    for (size_t i = 0; i < *n_levels; i++)
        if (fabs(levels[i] - credit) < 1e-12)
            return i;
    if (*n_levels == MOST_LEVELS)
        return MOST_LEVELS;
    levels[*n_levels] = credit;
    return (*n_levels)++;
}

static bool add_line(cJSON *lines, struct text *line)
{
    cJSON *string = line->failed ? NULL : cJSON_CreateString(text_string(line));
    text_reset(line);
    return string && cJSON_AddItemToArray(lines, string);
}

enum status gate_credits_put(cJSON *recorded, const double *credits, size_t n, struct error *err)
{
    double levels[MOST_LEVELS] = {0, 1};
    size_t n_levels = 2;
    struct text line;
    for (size_t i = 0; i < n; i++)
        if (level_of(credits[i], levels, &n_levels) == MOST_LEVELS)
            return STATUS_OK;
    text_init(&line);
    cJSON *list = cJSON_CreateDoubleArray(levels, (int)n_levels);
    bool ok = cJSON_AddItemToObject(recorded, "levels", list);
    cJSON *lines = ok ? cJSON_AddArrayToObject(recorded, "credits") : NULL;
    ok = lines != NULL;
    for (size_t i = 0; i < n && ok; i++) {
        text_add_char(&line, digits[level_of(credits[i], levels, &n_levels)]);
        if (line.length == DIGITS_A_LINE || i + 1 == n)
            ok = add_line(lines, &line);
    }
    text_release(&line);
    return ok ? STATUS_OK : fail(err, STATUS_NO_MEMORY, "out of memory for a baseline's credits");
}

static enum status read_levels(const cJSON *list, const char *place, double *levels, size_t *n,
                               struct error *err)
{
    const cJSON *item;
    *n = 0;
    cJSON_ArrayForEach(item, list)
    {
        if (*n == MOST_LEVELS || !cJSON_IsNumber(item) ||
            !(item->valuedouble >= 0 && item->valuedouble <= 1))
            return fail(err, STATUS_BAD_FORMAT, "%s: levels are %d numbers from 0 to 1 at most",
                        place, (int)MOST_LEVELS);
        levels[(*n)++] = item->valuedouble;
    }
    return STATUS_OK;
}

enum status gate_credits_read(const cJSON *recorded, size_t n, const char *place,
                              struct arena *arena, double **credits, struct error *err)
{
    double levels[MOST_LEVELS];
    size_t n_levels, i = 0;
    const cJSON *lines = json_find(recorded, "credits"), *line;
    *credits = NULL;
    if (!lines)
        return STATUS_OK;
    enum status status = read_levels(json_find(recorded, "levels"), place, levels, &n_levels, err);
    if (status)
        return status;
    double *values = arena_alloc_small(arena, n + 1, sizeof *values);
    if (!values)
        return fail(err, STATUS_NO_MEMORY, "out of memory for a baseline's credits");
    cJSON_ArrayForEach(line, lines)
    {
        for (const char *at = cJSON_IsString(line) ? line->valuestring : "?"; *at; at++) {
            const char *digit = strchr(digits, *at);
            if (!digit || (size_t)(digit - digits) >= n_levels || i == n)
                return fail(err, STATUS_BAD_FORMAT,
                            "%s: the recorded credits are damaged at sample %zu of %zu", place, i,
                            n);
            values[i++] = levels[digit - digits];
        }
    }
    if (i != n)
        return fail(err, STATUS_BAD_FORMAT, "%s: %zu credits are recorded for %zu samples", place,
                    i, n);
    *credits = values;
    return STATUS_OK;
}
