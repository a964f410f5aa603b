/* metrics/submission.h - predictions as the benchmarks' own scorers and servers want them, byte for
 * byte: json.dump()'s separators, ASCII, no newline at the end of an array.
 *
 * A failed sample has no answer, and an empty one would be a lie: a set with one is refused.
 * To add a benchmark: write metrics/submission_<name>.c with such a function and a row in
 * metrics/submission.c. */
#ifndef MAMBENCH_METRICS_SUBMISSION_H
#define MAMBENCH_METRICS_SUBMISSION_H

#include "datasets/dataset.h"
#include "datasets/protocol.h"
#include "engine/base/error.h"
#include "engine/base/text.h"
#include "metrics/metric.h"

/* Appends the submission of a whole set.  split: POPE's, which has a file for each; else NULL. */
typedef enum status submission_writer(const struct dataset *set, const struct protocol *protocol,
                                      const struct prediction *predictions, const char *split,
                                      struct text *out, struct error *err);

/* The writer of a benchmark, NULL where it has none here. */
submission_writer *submission_writer_find(const char *dataset);

/* GQA: [{"questionId": "201307251", "prediction": "no"}, ...], cleaned as the protocol's scorer
 * cleans (haotian-liu/LLaVA@c121f04:scripts/convert_gqa_for_eval.py:10-18 under gqa@llava).  The
 * server wants all of submission_all_questions.json.
 * Errors: MISMATCH (a sample failed, or the protocol is not GQA's), NO_MEMORY. */
submission_writer submission_add_gqa;

/* POPE, one split: {"question": ..., "answer": ...} on every line, in the order of the questions
 * (AoiDragon/POPE@08d957b:README.md:94-101).  The answer is what the model said; its text or, where
 * choices were weighed, the one chosen, in lower case.  Errors: USAGE (no split), MISMATCH (a
 * sample failed, no question in the split), NO_MEMORY. */
submission_writer submission_add_pope;

/* VSR's preds.txt: 1 or 0 on every line, in the order of the captions.
 * Errors: MISMATCH (a sample failed, or has no probabilities), NO_MEMORY. */
submission_writer submission_add_vsr;

/* VizWiz's second task: [{"image": "VizWiz_test_00000000.jpg", "answerable": 1.0}, ...].  0.0 where
 * the protocol's scorer reads the answer as "unanswerable": a text holds no confidence between, so
 * the server's average precision is that of a yes or no.  It is asked for beside the answers, and
 * so has no row among the writers. Errors: USAGE (another benchmark), MISMATCH (a sample failed),
 * NO_MEMORY. */
submission_writer submission_add_answerability;

/* What they share: an error where a sample has no answer.  Errors: MISMATCH. */
enum status submission_check(const struct sample *sample, const struct prediction *prediction,
                             struct error *err);

#endif
