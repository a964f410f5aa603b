/* eval/gate.h - `mambench gate`: finished runs and profiles against a baseline.
 *
 *     baseline (a file, or finished runs) + runs -> checks -> gate_decide() -> verdicts
 *
 * Accuracy: "credit", the mean of what answers earn, and every score that equals it are paired: the
 * sign-flip permutation by image decides, from the file's recorded credits or from the other run's
 * answers.  Other scores are held against the recorded 95 % interval, unpaired, which finds less,
 * and the check says so.  A floor fails where the value lies below it by more than the wider half
 * of its interval, as far as Holm's correction over all checks of the gate widens that; a value
 * without an interval decides alone.
 *
 * Speed and bytes come from profile.json and are compared on the same machine only: the same CPU
 * model, number of cores, instruction set, library of matrix products, system, governor and CPU
 * quota (not host: CI's machines have a new name every time, and not the version of mambench, which
 * is what is gated).  On another machine, or where a profile calls itself noisy and the time is
 * beyond what is allowed, the check is inconclusive.
 *
 * What is unfinished, damaged or does not fit is an error, never a verdict. */
#ifndef MAMBENCH_EVAL_GATE_H
#define MAMBENCH_EVAL_GATE_H

#include "engine/base/arena.h"
#include "eval/gate_file.h"
#include "eval/pairing.h"
#include "eval/run_list.h"
#include "reports/checks.h"

struct gate_options {
    struct pairing_options pairing;
    double allowed_drop, allowed_rise; /* where a baseline of runs is used, or a file is made */
    const char *const *only;           /* [n_only] tasks and profiles to gate; 0: all */
    size_t n_only;
    size_t n_draws; /* of the permutation */
    uint64_t seed;
};

/* One measured configuration of a profile. */
struct gate_speed {
    const char *label; /* "mini-cobra bf16, 2 threads, ..." */
    cJSON *facts;      /* what a baseline records of it: raw times, bytes, machine */
    const char *path;  /* of the profile */
};

/* What operands hold. */
struct gate_side {
    struct run_list runs; /* n = 0: none */
    struct gate_speed *speeds;
    size_t n_speeds, capacity;
    struct arena arena;
};

struct gate {
    const struct gate_options *options;
    struct check *items;
    size_t n, capacity;
    const char **notes;
    size_t n_notes, notes_capacity;
    double level;
    bool is_incomplete; /* the error is one of unfinished runs or failed samples: exit code 4 */
    struct arena arena;
};

void gate_init(struct gate *gate, const struct gate_options *options);
void gate_release(struct gate *gate);

/* Reads what the operands hold: run directories, folders of them, and profile.json in any of them.
 * The caller closes the side.  Errors: those of run_list_open(); USAGE (two runs of a task). */
enum status gate_side_open(struct gate *gate, struct gate_side *side, const char *const *operands,
                           size_t n, struct error *err);
void gate_side_close(struct gate_side *side);

/* Makes all checks and decides them.  Errors: MISMATCH and others for whatever is no verdict. */
enum status gate_against_file(struct gate *gate, const struct gate_file *file,
                              const struct gate_side *side, struct error *err);
enum status gate_against_runs(struct gate *gate, const struct gate_side *base,
                              const struct gate_side *side, struct error *err);

/* Replaces what the file records by what the side has; checks stay.  *n_recorded: entries. */
enum status gate_update(struct gate *gate, struct gate_file *file, const struct gate_side *side,
                        size_t *n_recorded, struct error *err);

/* The parts.  entry: of the file.  Strings of checks go to gate->arena. */
enum status gate_add_scores(struct gate *gate, const struct gate_file *file, const cJSON *entry,
                            const struct run_record *run, struct error *err);
enum status gate_add_pair(struct gate *gate, const struct run_record *base,
                          const struct run_record *run, struct error *err);
enum status gate_add_speed(struct gate *gate, const char *label, const cJSON *checks,
                           const cJSON *before, const cJSON *now, struct error *err);
enum status gate_speeds_read(struct gate *gate, struct gate_side *side, const char *path,
                             struct error *err);
/* What is recorded of a finished run; metrics named in checks (NULL: none) and the headline. */
enum status gate_record_run(struct gate *gate, const struct run_record *run, const cJSON *checks,
                            cJSON **recorded, struct error *err);

struct run_answers;
/* Opens a finished run's answers, which no failed sample and no stale score may be among. */
enum status gate_open_answers(struct gate *gate, const struct run_record *run,
                              struct run_answers *answers, struct error *err);
/* The mean credit with its 95 % interval, as a score of scale 1.  Errors: NO_MEMORY. */
enum status gate_credit_score(const struct run_answers *answers, struct score *score,
                              struct error *err);

/* Appends an empty check or a note (printf-like); NULL, or nothing, without memory: the arena
 * tells. */
struct check *gate_add_check(struct gate *gate, const char *task, const char *metric,
                             const char *rule, double limit);
void gate_add_note(struct gate *gate, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
