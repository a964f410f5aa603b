/* datasets/json_records.h - a large annotation file, one record of its array at a time, so that
 * neither the tree nor the file is held in memory.
 *
 * A byte order mark, bytes that are not UTF-8, NUL bytes and anything but an object in the array
 * are errors that name file and record. */
#ifndef MAMBENCH_DATASETS_JSON_RECORDS_H
#define MAMBENCH_DATASETS_JSON_RECORDS_H

#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/base/sha256.h"

#include <stddef.h>

struct json_records {
    const char *path;
    const char *member; /* the array's name in the top-level object; NULL: the file is the array */
    char *place;        /* "file: questions[12]" of the record last delivered, for errors */
    struct sha256_text sha256;
    struct json_array array;
    cJSON *record;
    struct file_map map;
    size_t dropped; /* bytes of the map that were given back to the system */
    struct arena arena;
};

/* The caller closes the reader; after a failure there is nothing to close.
 * Errors: NOT_FOUND, IO, BAD_FORMAT, NO_MEMORY. */
enum status json_records_open(struct json_records *reader, const char *path, const char *member,
                              struct error *err);
void json_records_close(struct json_records *reader);

/* Delivers the next record, which lives until the next call, or NULL at the end. */
enum status json_records_next(struct json_records *reader, const cJSON **record, struct error *err);

#endif
