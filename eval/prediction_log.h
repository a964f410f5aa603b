/* eval/prediction_log.h - predictions.jsonl and timings.jsonl: one line a sample, appended.
 *
 * A line is written with one call and counts once its newline is there, so that a process killed
 * at any moment leaves at most one torn line, which the next start cuts off.  predictions.jsonl
 * holds nothing that could differ between two runs of the same thing: no times, no dates, no paths
 * of this machine but those in an error's sentence.  "digest" holds 16 hexadecimal digits for each
 * of enum answer_digest, "-" where the sample failed before. */
#ifndef MAMBENCH_EVAL_PREDICTION_LOG_H
#define MAMBENCH_EVAL_PREDICTION_LOG_H

#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "engine/base/text.h"
#include "eval/answerer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One line of predictions.jsonl.  Strings belong to the arena it was read into. */
struct log_entry {
    const char *id;
    const char *image;
    const char *text;            /* NULL where there is none */
    const double *probabilities; /* [n_choices], NULL where there are none */
    size_t n_choices;
    const char *failure;        /* "error": why there is no answer; NULL if there is one */
    const char *warning;        /* NULL if none */
    const double *logits;       /* [n_choices] of the choices, NULL where there are none */
    size_t n_prompt_tokens;     /* 0: not told */
    bool has_digests;           /* "digest" is there */
    uint64_t digests[DIGEST_N]; /* as in struct answer */
};

/* Appends the line of an answer, or of a failure, with its newline. */
void log_line_add(struct text *out, const char *id, const char *image, const struct answer *answer);

/* Appends the line of timings.jsonl.  "together" is how many questions were computed at once: the
 * times are then this one's share, and no latency.  A repeated question took no time. */
void timing_line_add(struct text *out, const char *id, const struct answer *answer);

/* Reads one line without its newline; place names it in errors ("predictions.jsonl: line 3"). */
enum status log_line_parse(struct log_entry *entry, const char *line, size_t length,
                           const char *place, struct arena *arena, struct error *err);

/* Reads a whole log.  A torn last line is left out and *torn set (torn may be NULL); any other bad
 * line is BAD_FORMAT with its number.  entries belongs to arena. */
enum status log_read(const char *path, struct arena *arena, struct log_entry **entries, size_t *n,
                     bool *torn, struct error *err);

/* Appends the whole lines of a log as they are; what log_read() leaves out is left out. */
enum status log_read_bytes(const char *path, struct text *out, struct error *err);

/* Whether a process has the log open for writing. */
bool log_is_locked(const char *path);

/* A log that is being written. */
struct log_file {
    const char *path; /* borrowed */
    int fd;
    size_t good_bytes; /* length up to the last whole line */
    size_t unsynced;   /* lines since the last fsync */
    int64_t synced_ns; /* when that was */
};

/* Opens or creates path, locks it against a second process, and goes behind its last whole line,
 * cutting off what is torn; everything unless keep.  The caller closes it.  Errors: USAGE (another
 * process has the lock), IO. */
enum status log_open(struct log_file *log, const char *path, bool keep, struct error *err);

/* Appends a line and syncs after sync_every of them or five seconds (0: only when the log is
 * closed). On a full disk what was written of it is cut off again. */
enum status log_append(struct log_file *log, const struct text *lines, size_t sync_every,
                       struct error *err);

/* Syncs and closes. */
enum status log_close(struct log_file *log, struct error *err);

#endif
