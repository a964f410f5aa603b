/* metrics/case_context.h - what the sections of a case file are checked with. */
#ifndef MAMBENCH_METRICS_CASE_CONTEXT_H
#define MAMBENCH_METRICS_CASE_CONTEXT_H

#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "engine/base/json.h"
#include "metrics/cases.h"
#include "metrics/metric.h"

#include <stdbool.h>
#include <stddef.h>

struct case_context {
    const char *place; /* of the case, for errors: "file: pope_sets[3]" */
    size_t index;
    struct case_section_summary *section;
    void (*report)(void *context, const struct case_result *result);
    void *report_context;
    struct arena arena; /* emptied after every case */
};

/* Checks one case of a section.  Errors: BAD_FORMAT (the case cannot be read), NO_MEMORY. */
typedef enum status case_check(struct case_context *context, const cJSON *item, struct error *err);

struct case_section {
    const char *name;
    case_check *check;
};

extern const struct case_section case_sections_yes_no[], case_sections_vsr[],
    case_sections_numbers[], case_sections_gqa[], case_sections_vqa[], case_sections_vizwiz[],
    case_sections_textvqa[], case_sections_evalai[];

/* Compares and reports.  NULL texts stand for "nothing". */
void case_compare_text(struct case_context *context, const char *field, const char *expected,
                       const char *got);
/* Equal within 1e-12 relative, or the same bits. */
void case_compare_number(struct case_context *context, const char *field, double expected,
                         double got);
void case_compare_exactly(struct case_context *context, const char *field, double expected,
                          double got);
/* A field that the file expects and no rule here gives. */
void case_unknown_field(struct case_context *context, const char *field);

/* A case that is a text, "in", and what each rule, the name of a field, makes of it: compares all
 * of them.  rule() gives the result, in the context's arena, or NULL where it knows no such field
 * (or without memory: the arena tells); skipped is a field that is not compared, or NULL. Errors:
 * BAD_FORMAT. */
typedef const char *case_rule(struct case_context *context, const char *field, const char *text);
enum status case_check_text(struct case_context *context, const cJSON *item, const char *skipped,
                            case_rule *rule, struct error *err);

/* NO_MEMORY with the case's place. */
enum status case_no_memory(const struct case_context *context, struct error *err);

/* Puts samples of no file together: n of them, to be filled in.  NULL without memory. */
struct dataset *case_dataset(struct case_context *context, const char *kind, size_t n);
/* The strings of an array member, borrowed from the tree; the list is in the context's arena.
 * Errors: BAD_FORMAT, NO_MEMORY. */
enum status case_strings(struct case_context *context, const cJSON *item, const char *key,
                         const char ***out, size_t *n, struct error *err);
/* What one sample of such a set is; strings are borrowed. */
void case_set_sample(struct case_context *context, struct dataset *set, size_t i, const char *group,
                     const char *category, const char *label);

#endif
