#include "eval/options.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct option_value {
    const char **texts;
    size_t n, capacity;
    const char *origin; /* NULL: the command line */
    bool is_settled;    /* options_set() has said that there is none */
};

static size_t count_specs(const struct option_spec *specs)
{
    size_t n = 0;
    while (specs[n].name)
        n++;
    return n;
}

/* Levenshtein distance of two short names; longer ones are far by definition. */
static size_t edit_distance(const char *a, const char *b)
{
    enum { LONGEST = 40 };
    size_t row[LONGEST + 1];
    size_t n = strlen(b);
    if (n > LONGEST || strlen(a) > LONGEST)
        return LONGEST;
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[n];
}

const char *closest_name(const char *word, const char *const *names, size_t n)
{
    const char *best = NULL;
    size_t best_distance = strlen(word) / 3 + 2; /* at most about a third of the letters differ */
    for (size_t i = 0; i < n; i++) {
        size_t distance = edit_distance(word, names[i]);
        if (distance < best_distance) {
            best_distance = distance;
            best = names[i];
        }
    }
    return best;
}

static enum status unknown_option(const struct option_spec *specs, const char *name, size_t length,
                                  struct error *err)
{
    enum { MOST = 64 };
    const char *names[MOST];
    char word[64];
    size_t n = 0;
    for (; specs[n].name && n < MOST; n++)
        names[n] = specs[n].name;
    if (length >= sizeof word)
        return fail(err, STATUS_USAGE, "unknown option --%.40s...", name);
    memcpy(word, name, length);
    word[length] = '\0';
    const char *near = closest_name(word, names, n);
    if (near)
        return fail(err, STATUS_USAGE, "unknown option --%s; did you mean --%s?", word, near);
    return fail(err, STATUS_USAGE, "unknown option --%s", word);
}

static enum status check_choice(const struct option_spec *spec, const char *text, struct error *err)
{
    char list[256] = "";
    size_t used = 0;
    for (size_t i = 0; spec->choices[i]; i++) {
        if (strcmp(spec->choices[i], text) == 0)
            return STATUS_OK;
        size_t length = strlen(spec->choices[i]);
        if (used + length + 3 > sizeof list)
            break;
        if (i > 0) {
            memcpy(list + used, ", ", 2);
            used += 2;
        }
        memcpy(list + used, spec->choices[i], length + 1);
        used += length;
    }
    return fail(err, STATUS_USAGE, "--%s %s: choose one of %s", spec->name, text, list);
}

static bool read_count(const char *text, uint64_t *out)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno || end == text || *end || text[0] < '0' || text[0] > '9')
        return false;
    *out = value;
    return true;
}

static bool read_number(const char *text, double *out)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !isfinite(value))
        return false;
    *out = value;
    return true;
}

static bool read_size(const char *text, double *out)
{
    static const char units[] = "KMGT";
    char *end;
    double value = strtod(text, &end);
    const char *unit = *end ? strchr(units, *end) : NULL;
    if (end == text || !isfinite(value) || value < 0 || (*end && (!unit || end[1])))
        return false;
    *out = unit ? ldexp(value, 10 * (int)(unit - units + 1)) : value;
    return true;
}

static enum status check_value(const struct option_spec *spec, const char *text, struct error *err)
{
    uint64_t count;
    double number;
    switch (spec->type) {
    case OPTION_COUNT:
        if (!read_count(text, &count))
            return fail(err, STATUS_USAGE, "--%s %s: a whole number, 0 or more, is expected",
                        spec->name, text);
        return STATUS_OK;
    case OPTION_NUMBER:
        if (!read_number(text, &number))
            return fail(err, STATUS_USAGE, "--%s %s: a number is expected", spec->name, text);
        return STATUS_OK;
    case OPTION_SIZE:
        if (!read_size(text, &number))
            return fail(err, STATUS_USAGE, "--%s %s: a size such as 800M or 4G is expected",
                        spec->name, text);
        return STATUS_OK;
    case OPTION_CHOICE:
        return check_choice(spec, text, err);
    case OPTION_FILE:
    case OPTION_DIRECTORY:
        if (!text[0])
            return fail(err, STATUS_USAGE, "--%s: the path is empty", spec->name);
        return STATUS_OK;
    case OPTION_FLAG:
    case OPTION_TEXT:
        break;
    }
    return STATUS_OK;
}

static enum status add_value(struct options *options, size_t index, const char *text,
                             struct error *err)
{
    const struct option_spec *spec = &options->specs[index];
    struct option_value *value = &options->values[index];
    if (value->n > 0 && !spec->repeatable)
        return fail(err, STATUS_USAGE, "--%s is given twice", spec->name);
    enum status status = check_value(spec, text, err);
    if (status)
        return status;
    if (value->n == value->capacity) {
        size_t capacity = value->capacity ? value->capacity * 2 : 4;
        const char **texts = arena_alloc_small(&options->arena, capacity, sizeof *texts);
        if (!texts)
            return fail(err, STATUS_NO_MEMORY, "out of memory while reading the command line");
        if (value->n > 0)
            memcpy(texts, value->texts, value->n * sizeof *texts);
        value->texts = texts;
        value->capacity = capacity;
    }
    value->texts[value->n++] = text;
    return STATUS_OK;
}

/* The arguments that are still to be read. */
struct cursor {
    const char *const *arguments;
    size_t n, next;
};

/* One option with its argument, if it takes one: attached (behind '=' or a letter) or the next. */
static enum status take_option(struct options *options, size_t index, const char *attached,
                               struct cursor *cursor, struct error *err)
{
    const struct option_spec *spec = &options->specs[index];
    if (spec->type == OPTION_FLAG) {
        if (attached)
            return fail(err, STATUS_USAGE, "--%s takes no argument", spec->name);
        return add_value(options, index, "", err);
    }
    if (attached)
        return add_value(options, index, attached, err);
    if (cursor->next == cursor->n)
        return fail(err, STATUS_USAGE, "--%s needs an argument: %s", spec->name, spec->argument);
    return add_value(options, index, cursor->arguments[cursor->next++], err);
}

static enum status take_long(struct options *options, const char *name, struct cursor *cursor,
                             struct error *err)
{
    const char *equals = strchr(name, '=');
    size_t length = equals ? (size_t)(equals - name) : strlen(name);
    for (size_t i = 0; options->specs[i].name; i++)
        if (strlen(options->specs[i].name) == length &&
            memcmp(options->specs[i].name, name, length) == 0)
            return take_option(options, i, equals ? equals + 1 : NULL, cursor, err);
    return unknown_option(options->specs, name, length, err);
}

/* "-n 5", "-n5", "-jq". */
static enum status take_letters(struct options *options, const char *letters, struct cursor *cursor,
                                struct error *err)
{
    for (; *letters; letters++) {
        size_t i = 0;
        while (options->specs[i].name && options->specs[i].letter != *letters)
            i++;
        const struct option_spec *spec = &options->specs[i];
        if (!spec->name)
            return fail(err, STATUS_USAGE, "unknown option -%c", *letters);
        if (spec->type != OPTION_FLAG)
            return take_option(options, i, letters[1] ? letters + 1 : NULL, cursor, err);
        enum status status = add_value(options, i, "", err);
        if (status)
            return status;
    }
    return STATUS_OK;
}

static bool asks_for_help(const struct cursor *cursor)
{
    for (size_t i = 0; i < cursor->n && strcmp(cursor->arguments[i], "--") != 0; i++)
        if (strcmp(cursor->arguments[i], "--help") == 0 || strcmp(cursor->arguments[i], "-h") == 0)
            return true;
    return false;
}

static enum status take_all(struct options *options, struct cursor *cursor, struct error *err)
{
    bool only_operands = false;
    while (cursor->next < cursor->n) {
        const char *argument = cursor->arguments[cursor->next++];
        enum status status = STATUS_OK;
        if (only_operands || argument[0] != '-' || !argument[1])
            options->operands[options->n_operands++] = argument;
        else if (strcmp(argument, "--") == 0)
            only_operands = true;
        else if (argument[1] == '-')
            status = take_long(options, argument + 2, cursor, err);
        else
            status = take_letters(options, argument + 1, cursor, err);
        if (status)
            return status;
    }
    return STATUS_OK;
}

enum status options_parse(struct options *options, const struct option_spec *specs,
                          size_t n_arguments, const char *const *arguments, struct error *err)
{
    struct cursor cursor = {arguments, n_arguments, 0};
    *options = (struct options){.specs = specs};
    arena_init(&options->arena);
    options->values =
        arena_alloc_small(&options->arena, count_specs(specs) + 1, sizeof *options->values);
    options->operands =
        arena_alloc_small(&options->arena, n_arguments + 1, sizeof *options->operands);
    enum status status = STATUS_OK;
    if (arena_failed(&options->arena))
        status = fail(err, STATUS_NO_MEMORY, "out of memory while reading the command line");
    else if (asks_for_help(&cursor))
        options->help = true;
    else
        status = take_all(options, &cursor, err);
    if (status)
        options_release(options);
    return status;
}

void options_release(struct options *options)
{
    arena_release(&options->arena);
    *options = (struct options){0};
}

static size_t find_row(const struct options *options, const char *name)
{
    size_t i = 0;
    while (options->specs[i].name && strcmp(options->specs[i].name, name) != 0)
        i++;
    assert(options->specs[i].name && "the option is not in the command's table");
    return i;
}

bool option_given(const struct options *options, const char *name)
{
    return options->values[find_row(options, name)].n > 0;
}

bool option_flag(const struct options *options, const char *name)
{
    return option_given(options, name);
}

const char *option_text(const struct options *options, const char *name)
{
    size_t i = find_row(options, name);
    const struct option_value *value = &options->values[i];
    return value->n > 0 ? value->texts[value->n - 1] : options->specs[i].fallback;
}

uint64_t option_count(const struct options *options, const char *name)
{
    const char *text = option_text(options, name);
    uint64_t value = 0;
    bool is_count = !text || read_count(text, &value);
    assert(is_count && "the option is not a count");
    (void)is_count;
    return value;
}

double option_number(const struct options *options, const char *name)
{
    const char *text = option_text(options, name);
    double value = 0;
    bool is_number = !text || read_number(text, &value);
    assert(is_number && "the option is not a number");
    (void)is_number;
    return value;
}

double option_size(const struct options *options, const char *name)
{
    const char *text = option_text(options, name);
    double value = 0;
    bool is_size = !text || read_size(text, &value);
    assert(is_size && "the option is not a size");
    (void)is_size;
    return value;
}

size_t option_list(const struct options *options, const char *name, const char *const **values)
{
    const struct option_value *value = &options->values[find_row(options, name)];
    *values = value->texts;
    return value->n;
}

const char *option_origin(const struct options *options, const char *name)
{
    const struct option_value *value = &options->values[find_row(options, name)];
    if (value->n == 0)
        return "default";
    return value->origin ? value->origin : "command line";
}

enum status options_copy(struct options *to, const struct options *from, struct error *err)
{
    size_t n = count_specs(from->specs);
    *to = *from;
    arena_init(&to->arena);
    to->values = arena_alloc_small(&to->arena, n + 1, sizeof *to->values);
    for (size_t i = 0; to->values && i < n; i++) {
        struct option_value *value = &to->values[i];
        *value = from->values[i];
        value->capacity = value->n;
        value->texts = arena_alloc_small(&to->arena, value->n + 1, sizeof *value->texts);
        if (value->texts && value->n > 0)
            memcpy(value->texts, from->values[i].texts, value->n * sizeof *value->texts);
    }
    if (!arena_failed(&to->arena))
        return STATUS_OK;
    options_release(to);
    return fail(err, STATUS_NO_MEMORY, "out of memory while copying options");
}

enum status options_set(struct options *options, const char *name, const char *text,
                        const char *origin, struct error *err)
{
    size_t i = 0;
    while (options->specs[i].name && strcmp(options->specs[i].name, name) != 0)
        i++;
    if (!options->specs[i].name)
        return unknown_option(options->specs, name, strlen(name), err);
    struct option_value *value = &options->values[i];
    if ((value->n > 0 || value->is_settled) && value->origin != origin)
        return STATUS_OK;
    value->origin = origin;
    value->is_settled = !text;
    return text ? add_value(options, i, text, err) : STATUS_OK;
}

static bool is_among(const char *name, const char *const *names)
{
    while (*names && strcmp(*names, name) != 0)
        names++;
    return *names != NULL;
}

const char **options_words(const struct options *options, const char *const *skip,
                           struct arena *arena)
{
    size_t n = options->n_operands + 1, next = 0;
    for (size_t i = 0; options->specs[i].name; i++)
        n += 2 * options->values[i].n;
    const char **words = arena_alloc_small(arena, n, sizeof *words);
    for (size_t i = 0; words && i < options->n_operands; i++)
        words[next++] = options->operands[i];
    for (size_t i = 0; words && options->specs[i].name; i++) {
        const struct option_value *value = &options->values[i];
        if (value->origin || is_among(options->specs[i].name, skip))
            continue;
        for (size_t v = 0; v < value->n; v++) {
            words[next++] = arena_printf(arena, "--%s", options->specs[i].name);
            if (options->specs[i].type != OPTION_FLAG)
                words[next++] = value->texts[v];
        }
    }
    return arena_failed(arena) ? NULL : words;
}
