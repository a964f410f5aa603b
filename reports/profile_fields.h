/* reports/profile_fields.h - one measurement as named fields: llama-bench's columns first, with
 * their names and types, then ours.  csv, json, jsonl and md print the same fields. */
#ifndef MAMBENCH_REPORTS_PROFILE_FIELDS_H
#define MAMBENCH_REPORTS_PROFILE_FIELDS_H

#include "reports/json_writer.h"
#include "reports/profile_record.h"

/* What of a row is one measurement. */
enum profile_test {
    PROFILE_PP,  /* reading rows: the picture's and the prompt's */
    PROFILE_TG,  /* decoding token by token, the first one excluded */
    PROFILE_E2E, /* the whole question */
    PROFILE_TESTS
};

enum profile_field_type { FIELD_TEXT, FIELD_WHOLE, FIELD_REAL, FIELD_FLAG };

struct profile_field {
    const char *name;
    enum profile_field_type type;
    const char *text; /* TEXT; NULL: absent.  Of numbers: what stands for an absent one */
    double number;    /* NAN: absent */
};

enum { PROFILE_MOST_FIELDS = 128, PROFILE_LLAMA_FIELDS = 33 };

struct profile_fields {
    struct profile_field items[PROFILE_MOST_FIELDS];
    size_t n;
    char texts[PROFILE_STAGES * 2 + 4][48]; /* names that are put together */
    size_t n_texts;
};

/* Whether a row has this test; a row with an error has E2E alone. */
bool profile_has_test(const struct profile_row *row, enum profile_test test);

/* Tokens of a test, read and generated, of one sequence. */
void profile_test_tokens(const struct profile_row *row, enum profile_test test, int *n_prompt,
                         int *n_gen);
/* Nanoseconds of a test in one run. */
double profile_test_ns(const struct profile_row *row, enum profile_test test, size_t run);
/* "pp779", "tg15", "question"; with "@ d512" behind synthetic positions. */
void profile_test_name(const struct profile_row *row, enum profile_test test, char *out,
                       size_t size);

void profile_fields_fill(struct profile_fields *fields, const struct profile_record *record,
                         const struct profile_row *row, enum profile_test test);

/* Writes a field as a member of the open object; null where it is absent. */
void profile_put_field(struct json_writer *writer, const struct profile_field *field);

#endif
