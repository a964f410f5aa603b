/* reports/json_writer.h - JSON text for people and programs: members in order, two blanks deep. */
#ifndef MAMBENCH_REPORTS_JSON_WRITER_H
#define MAMBENCH_REPORTS_JSON_WRITER_H

#include "engine/base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JSON_MAX_DEPTH = 16 };

struct json_writer {
    struct text *out; /* borrowed; its failure is the writer's */
    int depth;
    bool one_line; /* blanks instead of new lines */
    bool has_members[JSON_MAX_DEPTH];
};

void json_begin(struct json_writer *writer, struct text *out);
/* The same on a single line without its newline, for files of lines. */
void json_begin_line(struct json_writer *writer, struct text *out);

/* key is NULL inside arrays and for the outermost value.  bracket is '{' or '['. */
void json_open(struct json_writer *writer, const char *key, char bracket);
void json_close(struct json_writer *writer, char bracket);

void json_put_string(struct json_writer *writer, const char *key, const char *value); /* or null */
void json_put_number(struct json_writer *writer, const char *key, double value); /* NAN: null */
void json_put_count(struct json_writer *writer, const char *key, uint64_t value);
void json_put_bool(struct json_writer *writer, const char *key, bool value);
/* A value that is JSON already. */
void json_put_raw(struct json_writer *writer, const char *key, const char *json);
/* An array of strings. */
void json_put_strings(struct json_writer *writer, const char *key, const char *const *values,
                      size_t n);

#endif
