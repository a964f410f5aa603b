#include "metrics/import.h"

#include <string.h>

extern const struct import_format import_llava, import_evalai;

const struct import_format *const import_formats[] = {
    &import_llava,
    &import_evalai,
    NULL,
};

const struct import_format *import_format_find(const char *name)
{
    for (size_t i = 0; import_formats[i]; i++)
        if (strcmp(import_formats[i]->name, name) == 0)
            return import_formats[i];
    return NULL;
}

enum status predictions_import(const struct import_format *format, const char *path,
                               struct dataset *set, bool have_dataset, struct arena *arena,
                               struct prediction **out, struct import_notes *notes,
                               struct error *err)
{
    *notes = (struct import_notes){0};
    return format->read(path, set, have_dataset, arena, out, notes, err);
}
