/* datasets/records.h - the records of an annotation or prediction file, one at a time: lines of
 * JSON, the elements of an array, or the members of an object.
 *
 * Lines are read by datasets/jsonl.h.  Arrays and objects are mapped and walked, so that neither
 * the tree nor a file of gigabytes is held; bytes that are not UTF-8, a byte order mark, a control
 * character, a NUL, escaped or not, a record of more than JSON_RECORD_BYTES and anything but an
 * object as a record are errors that name the file and the record. */
#ifndef MAMBENCH_DATASETS_RECORDS_H
#define MAMBENCH_DATASETS_RECORDS_H

#include "datasets/jsonl.h"
#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/base/sha256.h"
#include "engine/base/text.h"

#include <stdbool.h>
#include <stddef.h>

enum records_layout {
    RECORDS_LINES,          /* {...} on every line */
    RECORDS_ELEMENTS,       /* [{...}, {...}] */
    RECORDS_MEMBERS,        /* {"1": {...}, "2": {...}}; record->string is the key */
    RECORDS_LINES_OR_ARRAY, /* by the first character */
};

struct records {
    bool is_lines;
    const char *place; /* of the record last delivered: "file:17" (from 1), "file: [16]" or
                          "file: questions[16]" (from 0), "file: \"17\"" (the key) */
    size_t number;     /* of its line, or its place in the file, from 1 */
    struct sha256_text sha256;
    struct jsonl lines;
    const char *path;
    struct file_map map;
    struct json_array walk;
    size_t dropped; /* bytes in front of here are not needed any more */
    cJSON *element;
    struct text place_text;
    struct arena arena;
};

/* The caller closes the reader; after a failure there is nothing to close.
 * Errors: NOT_FOUND, IO, BAD_FORMAT, NO_MEMORY. */
enum status records_open(struct records *records, const char *path, enum records_layout layout,
                         struct error *err);
void records_close(struct records *records);

/* The same for the array that is the member called name of the file's object; NULL: the file is the
 * array.  The name must live as long as the reader. */
enum status records_open_array(struct records *records, const char *path, const char *name,
                               struct error *err);

/* Delivers the next record, which lives until the next call, or NULL at the end. */
enum status records_next(struct records *records, const cJSON **record, struct error *err);

#endif
