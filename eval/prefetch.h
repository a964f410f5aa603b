/* eval/prefetch.h - the next pictures, read and resized by a thread while others are computed.
 *
 * Whoever takes a picture gets the same bytes and the same errors as from pixels_open(). */
#ifndef MAMBENCH_EVAL_PREFETCH_H
#define MAMBENCH_EVAL_PREFETCH_H

#include "engine/base/error.h"
#include "engine/engine.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PREFETCH_AHEAD = 4 }; /* pictures that wait at most; some MB each */

struct prefetch;

/* Starts the thread.  The caller closes it before the engine.  Errors: NO_MEMORY. */
enum status prefetch_open(struct prefetch **out, const struct engine *engine, struct error *err);
void prefetch_close(struct prefetch *prefetch);

/* Tells which pictures will be taken next, in order; at most PREFETCH_AHEAD are heeded.  Pictures
 * that are there and wanted again are kept. */
void prefetch_expect(struct prefetch *prefetch, const char *const *paths, size_t n);

/* Waits until nothing that is expected is still to be read. */
void prefetch_wait(struct prefetch *prefetch);

/* What came of a picture. */
struct prefetched {
    bool was_ahead;        /* the thread has read it */
    struct pixels *pixels; /* the caller closes them; NULL on failure */
    uint64_t digest;       /* pixels_digest(); 0 on failure */
    struct timings timings;
    struct error warning; /* empty if none */
    struct error failure; /* empty if there are pixels */
    enum status status;
};

/* The picture at path: waits for the thread, or reads it where it was not expected. */
void prefetch_take(struct prefetch *prefetch, const char *path, struct prefetched *out);

#endif
