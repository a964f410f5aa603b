#include "reports/published.h"

#include "reports/published_data.h"

#include <csv.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A file while it is read: rows of strings; the first names the columns. */
struct sheet {
    const char *name;
    const char **cells; /* [n_rows * n_columns] */
    size_t n_cells, capacity, n_columns, column, n_rows;
    bool bad;
    struct arena *arena;
};

static void put(struct sheet *sheet, const char *cell)
{
    if (sheet->n_cells == sheet->capacity) {
        size_t capacity = sheet->capacity ? 2 * sheet->capacity : 256;
        const char **larger = arena_alloc_small(sheet->arena, capacity, sizeof *larger);
        if (!larger)
            return;
        if (sheet->n_cells > 0)
            memcpy(larger, sheet->cells, sheet->n_cells * sizeof *larger);
        sheet->cells = larger;
        sheet->capacity = capacity;
    }
    sheet->cells[sheet->n_cells++] = cell;
}

static void on_cell(void *bytes, size_t length, void *context)
{
    struct sheet *sheet = context;
    sheet->column++;
    put(sheet, arena_copy(sheet->arena, bytes, length));
}

static void on_row(int terminator, void *context)
{
    struct sheet *sheet = context;
    (void)terminator;
    if (sheet->n_rows == 0)
        sheet->n_columns = sheet->column;
    sheet->bad = sheet->bad || sheet->column != sheet->n_columns;
    sheet->n_rows++;
    sheet->column = 0;
}

static enum status sheet_read(struct sheet *sheet, const char *name, struct arena *arena,
                              struct error *err)
{
    const struct published_data *data = published_data;
    struct csv_parser parser;
    *sheet = (struct sheet){.name = name, .arena = arena};
    while (data->name && strcmp(data->name, name) != 0)
        data++;
    if (!data->name)
        return fail(err, STATUS_NOT_FOUND, "reports/published/%s was not compiled in", name);
    if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI))
        return fail(err, STATUS_NO_MEMORY, "out of memory while reading %s", name);
    bool ok = csv_parse(&parser, data->bytes, data->size, on_cell, on_row, sheet) == data->size &&
              csv_fini(&parser, on_cell, on_row, sheet) == 0;
    csv_free(&parser);
    if (arena_failed(arena) || !sheet->cells)
        return fail(err, STATUS_NO_MEMORY, "out of memory while reading %s", name);
    if (!ok || sheet->bad)
        return fail(err, STATUS_BAD_FORMAT,
                    "reports/published/%s: a row has not as many fields as the first", name);
    return STATUS_OK;
}

/* The cell of a column called so; "" where there is none. */
static const char *cell(const struct sheet *sheet, size_t row, const char *column)
{
    for (size_t c = 0; c < sheet->n_columns; c++)
        if (strcmp(sheet->cells[c], column) == 0)
            return sheet->cells[row * sheet->n_columns + c];
    return "";
}

/* "1;5" as bits 1 and 5. */
static unsigned traps_of(const char *list)
{
    unsigned traps = 0;
    for (const char *at = list; *at; at += *at == ';') {
        char *end;
        long number = strtol(at, &end, 10);
        if (end == at)
            break;
        if (number > 0 && number < PUBLISHED_MOST_TRAPS)
            traps |= 1U << number;
        at = end;
    }
    return traps;
}

static struct measured_how how_of(const struct sheet *sheet, size_t row)
{
    return (struct measured_how){
        .protocol = cell(sheet, row, "protocol"),
        .split = cell(sheet, row, "split"),
        .metric = cell(sheet, row, "metric"),
        .prompt = cell(sheet, row, "prompt"),
        .gpu = cell(sheet, row, "gpu"),
        .precision = cell(sheet, row, "precision"),
    };
}

static enum status read_systems(struct published *published, struct error *err)
{
    struct sheet sheet;
    enum status status = sheet_read(&sheet, "systems.csv", &published->arena, err);
    if (status)
        return status;
    published->systems =
        arena_alloc_small(&published->arena, sheet.n_rows, sizeof *published->systems);
    for (size_t r = 1; published->systems && r < sheet.n_rows; r++)
        published->systems[published->n_systems++] = (struct published_system){
            .key = cell(&sheet, r, "system"),
            .name = cell(&sheet, r, "name"),
            .parameters_m = cell(&sheet, r, "parameters_m"),
            .parameters_note = cell(&sheet, r, "parameters_note"),
            .language_model = cell(&sheet, r, "language_model"),
            .visual_tokens = cell(&sheet, r, "visual_tokens"),
            .traps = traps_of(cell(&sheet, r, "traps")),
            .source = cell(&sheet, r, "source"),
            .aliases = cell(&sheet, r, "aliases"),
        };
    return STATUS_OK;
}

/* A system's numbers stand together in the file. */
static enum status read_numbers(struct published *published, struct error *err)
{
    struct sheet sheet;
    enum status status = sheet_read(&sheet, "numbers.csv", &published->arena, err);
    if (status)
        return status;
    struct published_number *numbers =
        arena_alloc_small(&published->arena, sheet.n_rows, sizeof *numbers);
    for (size_t r = 1; numbers && r < sheet.n_rows; r++) {
        const char *key = cell(&sheet, r, "system");
        struct published_system *system = NULL;
        for (size_t s = 0; s < published->n_systems && !system; s++)
            if (strcmp(published->systems[s].key, key) == 0)
                system = &published->systems[s];
        if (!system || (system->numbers && system->numbers + system->n_numbers != &numbers[r]))
            return fail(err, STATUS_BAD_FORMAT,
                        "reports/published/numbers.csv: row %zu: %s is no system of systems.csv, "
                        "or not all of its rows stand together",
                        r + 1, key);
        if (!system->numbers)
            system->numbers = &numbers[r];
        system->n_numbers++;
        numbers[r] = (struct published_number){
            .dataset = cell(&sheet, r, "dataset"),
            .score = cell(&sheet, r, "score"),
            .value = cell(&sheet, r, "value"),
            .how = how_of(&sheet, r),
            .traps = traps_of(cell(&sheet, r, "traps")),
            .note = cell(&sheet, r, "note"),
            .source = cell(&sheet, r, "source"),
        };
    }
    return STATUS_OK;
}

static enum status read_protocols(struct published *published, struct error *err)
{
    struct sheet sheet;
    enum status status = sheet_read(&sheet, "protocols.csv", &published->arena, err);
    if (status)
        return status;
    published->protocols =
        arena_alloc_small(&published->arena, sheet.n_rows, sizeof *published->protocols);
    for (size_t r = 1; published->protocols && r < sheet.n_rows; r++)
        published->protocols[published->n_protocols++].how = how_of(&sheet, r);
    return STATUS_OK;
}

static enum status read_traps(struct published *published, struct error *err)
{
    static const char unless[] = "unless ";
    struct sheet sheet;
    enum status status = sheet_read(&sheet, "traps.csv", &published->arena, err);
    if (status)
        return status;
    for (size_t r = 1; r < sheet.n_rows && published->n_traps < PUBLISHED_MOST_TRAPS; r++) {
        const char *when = cell(&sheet, r, "when");
        published->traps[published->n_traps++] = (struct published_trap){
            .number = (int)strtol(cell(&sheet, r, "trap"), NULL, 10),
            .if_mixed = strcmp(when, "mixed") == 0,
            .unless = text_starts_with(when, unless) ? when + strlen(unless) : NULL,
            .text = cell(&sheet, r, "text"),
        };
    }
    return STATUS_OK;
}

enum status published_open(struct published *published, struct error *err)
{
    *published = (struct published){0};
    arena_init(&published->arena);
    enum status status = read_systems(published, err);
    if (!status)
        status = read_numbers(published, err);
    if (!status)
        status = read_protocols(published, err);
    if (!status)
        status = read_traps(published, err);
    if (!status && arena_failed(&published->arena))
        status = fail(err, STATUS_NO_MEMORY, "out of memory while reading published numbers");
    if (status)
        published_close(published);
    return status;
}

void published_close(struct published *published)
{
    arena_release(&published->arena);
    *published = (struct published){0};
}

static bool is_in_list(const char *name, const char *list)
{
    size_t length = strlen(name);
    while (*list) {
        size_t entry = strcspn(list, ";");
        if (entry == length && strncasecmp(list, name, length) == 0)
            return true;
        list += entry + (list[entry] == ';');
    }
    return false;
}

const struct published_system *published_find(const struct published *published, const char *name)
{
    for (size_t i = 0; i < published->n_systems; i++) {
        const struct published_system *system = &published->systems[i];
        if (strcasecmp(system->key, name) == 0 || strcasecmp(system->name, name) == 0 ||
            is_in_list(name, system->aliases))
            return system;
    }
    return NULL;
}

bool published_protocol_facts(const struct published *published, const char *protocol,
                              struct arena *arena, struct measured_how *out)
{
    const char *colon = strchr(protocol, ':'), *at = strchr(protocol, '@');
    const char *plain = protocol, *variant = NULL;
    if (colon && at && colon < at) {
        plain = arena_printf(arena, "%.*s%s", (int)(colon - protocol), protocol, at);
        variant = arena_copy(arena, colon + 1, (size_t)(at - colon - 1));
        if (!plain || !variant)
            return false;
    }
    for (size_t i = 0; i < published->n_protocols; i++)
        if (strcmp(published->protocols[i].how.protocol, plain) == 0) {
            *out = published->protocols[i].how;
            out->protocol = protocol;
            out->split = variant ? variant : out->split;
            return true;
        }
    return false;
}

const struct published_trap *published_trap_find(const struct published *published, int number)
{
    for (size_t i = 0; i < published->n_traps; i++)
        if (published->traps[i].number == number)
            return &published->traps[i];
    return NULL;
}

void published_add_keys(const struct published *published, struct text *out)
{
    for (size_t i = 0; i < published->n_systems; i++)
        text_addf(out, "%s%s", i > 0 ? ", " : "", published->systems[i].key);
}
