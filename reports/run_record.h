/* reports/run_record.h - all of one finished run, read back from its directory.
 *
 *     manifest.json   what was run (written by eval/manifest.c)
 *     scores.json     what came of it (written by eval/scoring.c)
 *     timings.jsonl   what it took, a line a sample (written by eval/prediction_log.c)
 *
 * Numbers that were not measured are NAN, counts 0, strings NULL: a report leaves them blank. */
#ifndef MAMBENCH_REPORTS_RUN_RECORD_H
#define MAMBENCH_REPORTS_RUN_RECORD_H

#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "metrics/metric.h"

#include <stdbool.h>
#include <stddef.h>

enum { RUN_MAX_STAGES = 16 };

/* Percentiles are given only from this many samples on: MLPerf's rule for p90 (Reddi et al. 2020,
 * "MLPerf Inference Benchmark", table 4: margin 0.5 %, here with the count design §8 states). */
enum { RUN_P90_SAMPLES = 64 };

struct run_file {
    const char *path, *sha256;
    size_t n_samples;
};

/* A trivial answerer's headline on the same samples. */
struct run_floor {
    const char *name; /* "baseline:yes" */
    double value;     /* in the headline's scale */
};

struct run_failure {
    const char *id, *reason;
};

struct run_stage {
    const char *name;
    size_t n;                /* samples in which it ran */
    double median_ns, share; /* share of all time, 0..1 */
};

struct run_speed {
    size_t n;             /* samples with timings */
    size_t n_fresh;       /* of them with the picture read, not its state reused */
    size_t n_repeated;    /* further answers, which another sample's computation gave */
    size_t most_together; /* questions computed at once; above 1 there are no latencies */
    double first_token_median_ns, first_token_p90_ns; /* fresh samples */
    double reused_median_ns, reused_p90_ns;           /* the others */
    double questions_per_s;                           /* all answers over the time of all stages */
    double decode_tokens_per_s;  /* tokens after the first, over the time they took */
    size_t n_decoded;            /* that many tokens */
    double prefill_tokens_per_s; /* image rows and prompt tokens, over the time they took */
    double median_text_tokens;   /* behind the picture: prompt and answer */
    struct run_stage stages[RUN_MAX_STAGES];
    size_t n_stages;
};

struct run_record {
    const char *path; /* as given */
    const char *version, *command;
    /* protocol and data */
    const char *protocol, *protocol_title, *protocol_reference, *protocol_hash, *headline_name;
    int protocol_version;
    const char *dataset_title, *variant, *data_note;
    const struct run_file *files;
    size_t n_files;
    size_t n_samples, n_images, n_in_dataset;
    const char *first_prompt;
    int max_new_tokens;
    bool max_new_tokens_changed; /* is not the protocol's */
    /* who answered */
    const char *model, *model_hash, *family, *precision, *precision_note, *kernels, *matmul;
    bool baseline, random_weights;
    int threads;
    double parameters, weight_bytes; /* NAN for a baseline */
    /* Of one session, likewise: however long it is, and on top for every token. */
    double state_bytes, cache_bytes_per_token;
    double image_tokens;    /* rows of a picture; NAN where the manifest does not tell */
    double read_with_image; /* rows: the image's and the text's in front of it */
    double seed;
    /* where */
    const char *cpu, *system;
    int cores;
    double memory_bytes;
    double seconds, peak_bytes; /* over all starts: sum, largest */
    size_t n_starts;
    size_t n_shards; /* that were merged into the run; 0: it was asked as a whole */
    /* what came of it */
    struct score *scores;
    size_t n_scores, headline;
    size_t n_correct; /* by the protocol's own rule */
    bool has_correct;
    size_t n_failed, n_warned;
    const struct run_floor *floors;
    size_t n_floors;
    const struct run_failure *failures; /* the first of n_failed */
    size_t n_failures;
    struct run_speed speed;
    struct arena arena; /* owns every string and array */
};

/* Reads a run directory.  On success the caller closes *record.  Errors: NOT_FOUND (no manifest, no
 * scores yet), BAD_FORMAT. */
enum status run_record_open(struct run_record *record, const char *directory, struct error *err);
void run_record_close(struct run_record *record);

/* The same of a run without scores: what its manifest tells, n_scores 0.  Errors likewise. */
enum status run_record_open_manifest(struct run_record *record, const char *directory,
                                     struct error *err);

/* Tokens that a session has read behind the median question, and the bytes it then takes; NAN where
 * nothing was measured. */
double run_session_tokens(const struct run_record *record);
double run_session_bytes(const struct run_record *record);

/* The highest floor of the headline, or NULL. */
const struct run_floor *run_best_floor(const struct run_record *record);

/* The score the protocol reports. */
const struct score *run_headline(const struct run_record *record);

/* Reads timings.jsonl at path into speed; a file that is not there measures nothing.  Strings go to
 * the arena.  Errors: BAD_FORMAT with the line. */
enum status run_speed_read(struct run_speed *speed, const char *path, struct arena *arena,
                           struct error *err);

#endif
