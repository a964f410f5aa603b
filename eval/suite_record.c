#include "eval/suite_record.h"

#include "engine/base/file.h"
#include "engine/base/json.h"

bool suite_record_exists(const char *folder, struct arena *arena)
{
    const char *path = path_join(arena, folder, "suite.json");
    return path && file_exists(path);
}

static enum status read_cell(struct suite_cell *cell, const cJSON *item, const char *folder,
                             const char *path, struct arena *arena, struct error *err)
{
    const char *row, *column;
    enum status status = json_get_string(item, "model", path, &row, err);
    if (!status)
        status = json_get_string(item, "task", path, &column, err);
    if (status)
        return status;
    const char *row_folder = path_join(arena, folder, row);
    *cell = (struct suite_cell){
        .row = arena_string(arena, row),
        .column = arena_string(arena, column),
        .directory = row_folder ? path_join(arena, row_folder, column) : NULL,
        .state = arena_string(arena, json_string_or(item, "state", "")),
        .reason = arena_string(arena, json_string_or(item, "reason", NULL)),
    };
    return STATUS_OK;
}

enum status suite_record_read(struct suite_record *record, const char *folder, struct arena *arena,
                              struct error *err)
{
    cJSON *root = NULL;
    const cJSON *cells, *item;
    *record = (struct suite_record){0};
    const char *path = path_join(arena, folder, "suite.json");
    enum status status = path ? json_read(&root, path, err)
                              : fail(err, STATUS_NO_MEMORY, "out of memory while reading a suite");
    if (!status)
        status = json_get_array(root, "cells", path, &cells, err);
    if (!status) {
        size_t n = (size_t)cJSON_GetArraySize(cells);
        record->cells = arena_alloc_small(arena, n + 1, sizeof *record->cells);
        cJSON_ArrayForEach(item, cells) if (!status && record->cells) status =
            read_cell(&record->cells[record->n_cells++], item, folder, path, arena, err);
    }
    cJSON_Delete(root);
    if (!status && arena_failed(arena))
        status = fail(err, STATUS_NO_MEMORY, "out of memory while reading %s", path);
    return status;
}
