/* metrics/evalai.h - the result files of VQAv2, VizWiz and TextVQA: what EvalAI takes and what the
 * official scorer reads, a JSON array of questions with one answer each.
 *
 * To add a benchmark: a row in formats[] (metrics/evalai.c). */
#ifndef MAMBENCH_METRICS_EVALAI_H
#define MAMBENCH_METRICS_EVALAI_H

#include "datasets/dataset.h"
#include "engine/base/json.h"
#include "engine/base/string_map.h"
#include "engine/base/text.h"
#include "metrics/metric.h"

#include <stdbool.h>
#include <stddef.h>

/* How a benchmark's file names a question. */
struct evalai_format {
    const char *dataset;
    const char *key;        /* "question_id", "image" */
    bool key_is_number;     /* a JSON integer: the sample's id; else the name of its picture */
    bool missing_is_empty;  /* the converter submits "" for a question without answer */
    const char *covers;     /* the variant whose questions a submission must hold; NULL: the own */
    const char *covered_by; /* the variant that it stands for */
    const char *reference;
};

/* Of a dataset, by its name; NULL where EvalAI has no such benchmark. */
const struct evalai_format *evalai_format_find(const char *dataset);

/* Appends the bytes of the submission: one entry for every sample of the set in its order, the
 * answer normalised as LLaVA's converters do, json.dump()'s separators, no line feed at the end.
 * Samples without an answer are refused unless empty_for_missing or the format says "". Errors:
 * MISMATCH (a sample without answer, or an id that is not a number), NO_MEMORY. */
enum status evalai_write(const struct evalai_format *format, const struct dataset *set,
                         const struct prediction *predictions, bool empty_for_missing,
                         struct text *out, struct error *err);

/* What is wrong with a result file; the official scorer stops for each. */
enum evalai_fault {
    EVALAI_SOUND,
    EVALAI_NOT_AN_ARRAY,
    EVALAI_BAD_ENTRY,       /* no object, no key, no answer, or of another type */
    EVALAI_OTHER_QUESTIONS, /* missing, unknown or mistyped ids */
};

/* Joins the entries of a result file to a set: begin, add each, end.
 * GT-Vision-Lab/VQA@a013f00:PythonHelperTools/vqaTools/vqa.py:140-178. */
struct evalai_join {
    const struct evalai_format *format;
    const struct dataset *set;
    struct prediction *predictions; /* [set->n_samples] filled in; texts in arena */
    const char *path;
    struct string_map index;
    size_t n_entries, n_duplicate;
    enum evalai_fault fault;
    struct arena *arena; /* the caller's: outlives the predictions */
};
enum status evalai_join_begin(struct evalai_join *join, const struct dataset *set, const char *path,
                              struct arena *arena, struct error *err);
/* Of two answers to a question the last counts.  Errors: MISMATCH, BAD_FORMAT: fault tells. */
enum status evalai_join_add(struct evalai_join *join, const cJSON *entry, struct error *err);
/* Every question must have got an answer. */
enum status evalai_join_end(struct evalai_join *join, struct error *err);

#endif
