/* engine/connectors/linears.h - internal: what the projectors have in common.
 *
 * A chain of linears with GELU (erf) between, and the weights of a depthwise 3x3 convolution. */
#ifndef MAMBENCH_ENGINE_CONNECTORS_LINEARS_H
#define MAMBENCH_ENGINE_CONNECTORS_LINEARS_H

#include "engine/connectors/connector.h"

enum { LINEARS_MAX = 3 };

struct linears {
    int n;
    struct linear items[LINEARS_MAX];
};

/* Binds names[i] + ".weight" [widths[i + 1], widths[i]] and ".bias"; names end with NULL.  The
 * caller releases *out, after an error too.  Errors: those of weights_linear(). */
enum status linears_open(struct linears *out, const char *const *names, const int *widths,
                         struct weights *weights, struct error *err);
void linears_release(struct linears *linears);

/* Makes the products for so many rows; scratch floats of linears_run() are added to *floats. */
enum status linears_prepare(const struct linears *linears, struct compute *compute, int rows,
                            size_t *floats, struct error *err);

/* x: [rows, the first n_in].  The result, [rows, the last n_out], is scratch memory: the caller
 * releases it together with what it took itself. */
float *linears_run(const struct linears *linears, struct compute *compute, const float *x,
                   int rows);

#endif
