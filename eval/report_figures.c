#include "eval/report_figures.h"

#include "engine/base/file.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int is_svg(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && text_ends_with(entry->d_name, ".svg");
}

static enum status add_file(struct figure_list *list, const char *folder, const char *name,
                            struct arena *arena, struct error *err)
{
    char *bytes;
    struct report_figure figure = {
        .name = arena_copy(arena, name, strlen(name) - strlen(".svg")),
    };
    const char *path = path_join(arena, folder, name);
    if (list->n == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 16;
        struct report_figure *larger = arena_alloc_small(arena, capacity, sizeof *larger);
        if (larger && list->n > 0)
            memcpy(larger, list->figures, list->n * sizeof *larger);
        list->figures = larger;
        list->capacity = capacity;
    }
    if (arena_failed(arena))
        return fail(err, STATUS_NO_MEMORY, "out of memory while reading figures");
    enum status status = file_read(path, arena, &bytes, &figure.svg_bytes, err);
    if (status)
        return status;
    figure.svg = bytes;
    list->figures[list->n++] = figure;
    return STATUS_OK;
}

enum status figures_add_folder(struct figure_list *list, const char *folder, struct arena *arena,
                               struct error *err)
{
    struct dirent **names = NULL;
    int n = scandir(folder, &names, is_svg, alphasort);
    if (n < 0)
        return fail(err, STATUS_NOT_FOUND, "cannot read %s: %s", folder, strerror(errno));
    enum status status = STATUS_OK;
    for (int i = 0; i < n; i++) {
        if (!status)
            status = add_file(list, folder, names[i]->d_name, arena, err);
        free(names[i]);
    }
    free(names);
    return status;
}

bool figures_folder_has_svg(const char *folder)
{
    struct dirent **names = NULL;
    int n = scandir(folder, &names, is_svg, NULL);
    for (int i = 0; i < n; i++)
        free(names[i]);
    free(names);
    return n > 0;
}
