/* eval/gate_file.h - a gate's baseline, a JSON file that is kept beside the user's sources.
 *
 *     {"gate": 1,                                  version of this schema
 *      "level": 0.05,                              optional
 *      "tasks": {"pope@triml": {
 *          "checks": {"credit": {"allowed_drop": 0.5},          points of 100
 *                     "f1": {"floor": 0.8, "ceiling": 1}},      of a perfect score, 0 to 1
 *          "recorded": {...}}},                    what --update wrote: scores with intervals, who
 *                                                  made them, and every sample's credit
 *      "speed": {"mini-cobra bf16 ...": {
 *          "checks": {"ttft_ms": {"most": 40, "allowed_rise": 10}},    rise in percent
 *          "recorded": {...}}}}                    raw times, and the machine
 *
 * Checks are written by hand and kept by --update; recorded is what it replaces.  "credit" is the
 * mean of what the answers earn, and the metric that is compared pair by pair; other names are
 * those of scores.json.  Speeds are ttft_ms, tpot_ms and e2e_ms; bytes are weights_mib,
 * activations_mib, state_mib, kv_mib and peak_mib. */
#ifndef MAMBENCH_EVAL_GATE_FILE_H
#define MAMBENCH_EVAL_GATE_FILE_H

#include "engine/base/error.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

enum { GATE_FILE_VERSION = 1 };
#define GATE_LEVEL 0.05
#define GATE_CREDIT "credit" /* the metric that every task has */

struct gate_file {
    const char *path; /* borrowed */
    cJSON *root;
    double level;
};

/* What a check asks; NAN where it does not. */
struct gate_rules {
    double floor, ceiling; /* 0..1 */
    double allowed_drop;   /* points */
    double most;           /* the metric's unit */
    double allowed_rise;   /* percent */
};

/* Reads and checks everything but names of tasks and metrics, which only runs know.  On success the
 * caller closes *file.  Errors: NOT_FOUND, BAD_FORMAT (other version, unknown keys, thresholds that
 * contradict). */
enum status gate_file_open(struct gate_file *file, const char *path, struct error *err);

/* One that holds nothing yet.  Errors: NO_MEMORY. */
enum status gate_file_new(struct gate_file *file, const char *path, struct error *err);
void gate_file_close(struct gate_file *file);

/* Its "tasks" or "speed", which may be NULL, and an entry's parts. */
const cJSON *gate_file_entries(const struct gate_file *file, const char *group);
struct gate_rules gate_rules_of(const cJSON *check);

/* The entry called name in group, made with one check where it is not there; what was recorded is
 * replaced by recorded, which then belongs to the file.  Errors: NO_MEMORY. */
enum status gate_file_record(struct gate_file *file, const char *group, const char *name,
                             const char *metric, const char *rule, double limit, cJSON *recorded,
                             struct error *err);

enum status gate_file_write(const struct gate_file *file, struct error *err);

#endif
