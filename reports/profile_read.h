/* reports/profile_read.h - RUN/profile.json read back: what tables and figures need of it. */
#ifndef MAMBENCH_REPORTS_PROFILE_READ_H
#define MAMBENCH_REPORTS_PROFILE_READ_H

#include "engine/base/arena.h"
#include "engine/base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* One configuration as it was measured.  What was not is NAN or NULL. */
struct profile_point {
    const char *model, *model_hash, *precision, *family, *scenario, *kernels, *verdict;
    const char *error; /* why there is no measurement; NULL: there is one */
    bool random_weights, synthetic, beyond_training;
    int threads, batch, depth; /* depth > 0: behind that many synthetic positions, no picture */
    int image_tokens, prompt_tokens, new_tokens;
    double parameters;
    double e2e_ns, e2e_low_ns, e2e_high_ns;    /* median and its 95 % interval */
    double ttft_ns, ttft_low_ns, ttft_high_ns; /* likewise, from the raw times */
    double tpot_ns;
    double tokens_per_s; /* all new tokens of the batch over the median of the whole time */
    double weight_bytes, activation_bytes;
    double state_bytes, cache_bytes; /* of the batch, at the end of the question */
    double peak_bytes;
};

struct profile_file {
    const char *path;
    const char *version, *measured, *cpu;
    struct profile_point *points;
    size_t n_points;
    struct arena arena; /* owns everything */
};

/* Reads a profile.json.  On success the caller closes *file.  Errors: NOT_FOUND, IO, BAD_FORMAT,
 * UNSUPPORTED (another version of the format), NO_MEMORY. */
enum status profile_file_open(struct profile_file *file, const char *path, struct error *err);
void profile_file_close(struct profile_file *file);

/* What the model takes in memory at the end of a question: weights, activations, state, cache. */
double profile_point_bytes(const struct profile_point *point);

/* The position that its times stand behind: rows of the picture and of the prompt, or the depth. */
long profile_point_position(const struct profile_point *point);

#endif
