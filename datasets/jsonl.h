/* datasets/jsonl.h - a file of JSON lines, one object at a time.
 *
 * Takes what real files have: LF or CRLF, no final newline, blank lines at the end.  A byte order
 * mark, bytes that are not UTF-8, a blank line in the middle, a line of more than JSON_RECORD_BYTES
 * and anything but an object on a line are errors that name file and line. */
#ifndef MAMBENCH_DATASETS_JSONL_H
#define MAMBENCH_DATASETS_JSONL_H

#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/base/lines.h"
#include "engine/base/sha256.h"
#include "engine/base/text.h"

struct jsonl {
    const char *path; /* in arena */
    char *place;      /* "file:line" of the object last delivered, for errors; in arena */
    struct sha256_text sha256;
    struct lines lines;
    cJSON *object;
    struct file_map map;
    size_t dropped;     /* bytes in front of here are not needed any more */
    struct text copy;   /* of a line with an escaped NUL */
    struct arena arena; /* owns the places */
};

/* Maps the file: it is never held.  The caller closes the reader; after a failure there is nothing
 * to close. Errors: NOT_FOUND, IO, BAD_FORMAT, NO_MEMORY. */
enum status jsonl_open(struct jsonl *reader, const char *path, struct error *err);
void jsonl_close(struct jsonl *reader);

/* Delivers the next object, which lives until the next call, or NULL at the end. */
enum status jsonl_next(struct jsonl *reader, const cJSON **object, struct error *err);

/* Whether a text file is text: no byte order mark, UTF-8, no NUL.  Errors: BAD_FORMAT. */
enum status jsonl_check_bytes(const char *path, const char *data, size_t size, struct error *err);

/* cJSON ends a string at an escaped NUL.  Turns each \u0000 of a JSON text into \ufffd, which no
 * scorer's rule tells from it, so that "no\u0000x" does not become "no". */
void jsonl_replace_nul(char *data, size_t length);

#endif
