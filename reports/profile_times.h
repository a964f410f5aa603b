/* reports/profile_times.h - the raw times of a finished profile, read back: RUN/profile.json, or
 * what `mambench profile -o json` printed. */
#ifndef MAMBENCH_REPORTS_PROFILE_TIMES_H
#define MAMBENCH_REPORTS_PROFILE_TIMES_H

#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "reports/profile_record.h"

#include <stdbool.h>
#include <stddef.h>

/* The latencies that a row has, run by run. */
enum profile_latency { PROFILE_LATENCY_TTFT, PROFILE_LATENCY_TPOT, PROFILE_LATENCY_E2E };
enum { PROFILE_LATENCIES = 3 };
const char *profile_latency_name(enum profile_latency latency); /* "TTFT" */

/* When a run took place: runs of different rows with the same block and round were next to each
 * other. */
struct profile_turn {
    int block, round;
};

/* One configuration that was measured. */
struct profile_times {
    const char *model, *sha256; /* as asked; of the model's files, NULL if unknown */
    const char *precision, *scenario;
    int depth, threads, batch, image_tokens, prompt_tokens, new_tokens;
    bool timed_stages;
    size_t nth;                    /* rows of this configuration in front of it: another model's */
    double *ns[PROFILE_LATENCIES]; /* [n]; NULL where it was not timed */
    const struct profile_turn *turns; /* [n]; NULL where the text does not tell */
    size_t n;
};

/* Everything belongs to the arena it was read into. */
struct profile_times_list {
    struct profile_times *rows; /* without those that have an error */
    size_t n;
    size_t n_errors;                  /* rows that were not measured */
    const char *command, *measured;   /* NULL where the text does not tell */
    double seed;                      /* NAN likewise */
    const struct profile_fact *facts; /* about the machine */
    size_t n_facts;
};

/* Whether a text is meant to be such a profile, sound or not. */
bool profile_times_looks_like(const char *data, size_t length);

/* place names the text in errors.  Errors: BAD_FORMAT (no JSON, no such profile, a time that is no
 * positive number), NO_MEMORY. */
enum status profile_times_read(struct profile_times_list *list, const char *data, size_t length,
                               const char *place, struct arena *arena, struct error *err);

/* Whether two rows measured the same, but for the model. */
bool profile_times_match(const struct profile_times *a, const struct profile_times *b);

/* "bf16, 2 threads, batch 1, behind 512, 64 rows read, 16 new tokens". */
const char *profile_times_name(const struct profile_times *row, struct arena *arena);

#endif
