#include "reports/csv_field.h"

#include "engine/base/json.h"

#include <csv.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void csv_add_field(struct text *out, const char *value, bool first)
{
    size_t length = strlen(value), size = 2 * length + 2;
    char *quoted = malloc(size);
    if (!quoted) {
        out->failed = true;
        return;
    }
    size_t written = csv_write(quoted, size, value, length);
    text_add(out, first ? "" : ",");
    text_add_bytes(out, quoted, written < size ? written : size);
    free(quoted);
}

void csv_add_number(struct text *out, double value, bool first)
{
    struct text digits;
    text_init(&digits);
    if (!isnan(value))
        json_add_number(&digits, value);
    csv_add_field(out, text_string(&digits), first);
    out->failed |= digits.failed;
    text_release(&digits);
}
