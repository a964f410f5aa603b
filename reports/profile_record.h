/* reports/profile_record.h - a finished profile: raw times as they were measured, and what follows
 * from them.
 *
 * The profiler fills the raw part of every row; profile_finish() computes the rest.  Times are
 * nanoseconds.  What was not measured is NAN, or absent. */
#ifndef MAMBENCH_REPORTS_PROFILE_RECORD_H
#define MAMBENCH_REPORTS_PROFILE_RECORD_H

#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "metrics/latency.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where the time of a question goes, in order.  They do not overlap; what is in none of them is
 * unattributed. */
enum profile_stage {
    PROFILE_READ,      /* the picture's file into memory */
    PROFILE_UNPACK,    /* its bytes to pixels */
    PROFILE_RESIZE,    /* resize and normalise */
    PROFILE_TOWER,     /* the first vision tower */
    PROFILE_TOWER_2,   /* the second */
    PROFILE_CONNECTOR, /* features to rows of the language model */
    PROFILE_IMAGE,     /* those rows through the language model */
    PROFILE_TOKENIZE,  /* prompt to ids */
    PROFILE_PROMPT,    /* ids through the language model, first logits */
    PROFILE_FIRST,     /* the first token chosen from them */
    PROFILE_DECODE,    /* all further tokens */
    PROFILE_TEXT,      /* ids to text */
    PROFILE_STAGES
};

/* One run.  In a batch every time is that of the whole batch. */
struct profile_run {
    int block, round; /* which block of runs; runs of different rows with the same block and
                         round were next to each other */
    int64_t start_ns; /* since the profile began */
    int64_t e2e_ns;   /* from before the file is read to behind the text */
    int64_t ttft_ns;  /* from there to the first token */
    int64_t last_ns;  /* and to the last */
    int64_t stage_ns[PROFILE_STAGES];
    const int64_t *gaps_ns; /* [new_tokens - 1]: between tokens; NULL without stamps */
};

/* What a stage comes to and what bounds it.  All NAN where it is not counted. */
struct profile_limit {
    double flop, bytes;
    double flop_per_s, bytes_per_s; /* what the probes reached in the same run */
};

struct profile_stage_result {
    double median_ns; /* NAN where nothing ran */
    double share;     /* of the median E2E */
    double flop_per_s, bytes_per_s;
    double limit_share; /* time that the tighter limit allows over the time taken */
    bool by_memory;     /* which limit that is */
};

/* One configuration. */
struct profile_row {
    /* What was asked. */
    const char *asked;                                    /* the model, as on the command line */
    size_t model;                                         /* its place in the list of models */
    int threads, batch, depth, prompt_tokens, new_tokens; /* prompt_tokens: 0 where it is a text */
    const char *precision;
    const char *scenario; /* NULL: none */
    bool has_picture;     /* else the prompt alone is read, behind depth synthetic positions */
    bool stamps;          /* whether stages and tokens were timed; else only whole runs */
    const char *error;    /* why there is no measurement; NULL: there is one */

    /* What the model is. */
    const char *name, *family, *sha256, *kernels, *matmul, *precision_note;
    bool random_weights;
    size_t parameters, n_towers;
    const char *towers[2];
    int image_tokens;  /* rows of a picture, text in front included; 0 without one */
    int prompt_rows;   /* ids of the prompt that were read */
    int max_positions; /* trained; 0: no limit */

    /* Bytes.  Those of the state are of the whole batch. */
    double weight_bytes, activation_bytes, conv_bytes, ssm_bytes, cache_bytes, peak_bytes;
    double state_bytes_each, cache_bytes_per_token; /* of one sequence */

    /* What was measured. */
    struct profile_run cold; /* the first run; not among runs */
    struct profile_run *runs;
    size_t n_runs, n_warm_ups;
    int n_blocks;
    bool warm;       /* the warm-up ended because times were stable */
    double others;   /* share of the machine that others took meanwhile */
    double energy_j; /* of a run; NAN where no counter can be read */
    double clock_ns; /* what reading the clock costs */
    int clock_reads; /* in a run, at most */
    struct profile_limit limits[PROFILE_STAGES];

    /* profile_finish(). */
    struct latency_summary e2e, ttft, tpot, gaps;
    struct profile_stage_result stages[PROFILE_STAGES];
    double unattributed; /* median share of E2E that is in no stage */
    double blocks_p;
    unsigned verdict;
};

enum { PROFILE_MOST_TYPES = 3 };

/* A fact about the machine. */
struct profile_fact {
    const char *name, *value;
};

/* Two rows that were measured in turn and differ in one thing. */
struct profile_pair {
    size_t a, b;        /* rows */
    const char *differ; /* "model" */
    struct latency_comparison e2e;
};

struct profile_record {
    const char *version, *command, *started;
    uint64_t seed;
    struct profile_fact *facts;
    size_t n_facts;
    struct profile_row *rows;
    size_t n_rows;
    struct profile_pair *pairs;
    size_t n_pairs;
    double read_bytes_per_s; /* median of the probe's runs */
    const char
        *product_types[PROFILE_MOST_TYPES]; /* of the product probes; NULL where there is none */
    double product_flop_per_s[PROFILE_MOST_TYPES];
    bool compares; /* the tables of state space models against Transformers are wanted */
};

/* The name of a stage in files: "read". */
const char *profile_stage_key(enum profile_stage stage);

/* And for people; towers are called by the model, as the first and second without a row. */
const char *profile_stage_name(const struct profile_row *row, enum profile_stage stage);

/* Whether positions lie behind what the model was trained on. */
bool profile_beyond_training(const struct profile_row *row);

/* "noisy, drifts"; "ok". */
const char *profile_verdict_text(unsigned verdict);

/* Computes every row's results and the pairs.  Memory from the arena.  Errors: NO_MEMORY. */
enum status profile_finish(struct profile_record *record, struct arena *arena, struct error *err);

/* Tokens a second of the papers' kind: all new tokens over the whole time. */
double profile_tokens_per_s(const struct profile_row *row);

#endif
