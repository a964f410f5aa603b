#include "metrics/holm.h"

#include <math.h>
#include <stdbool.h>

static bool comes_before(const double *p, size_t a, size_t b)
{
    return p[a] < p[b] || (p[a] <= p[b] && a < b);
}

/* p[i] times the number of tests that are no smaller. */
static double stretched(const double *p, size_t i, size_t n)
{
    size_t smaller = 0;
    for (size_t j = 0; j < n; j++)
        smaller += comes_before(p, j, i);
    return fmin(1, (double)(n - smaller) * p[i]);
}

void holm_adjust(const double *p, double *adjusted, size_t n)
{
    for (size_t i = 0; i < n; i++)
        adjusted[i] = stretched(p, i, n);
    /* Never below that of a smaller p. */
    for (size_t i = 0; i < n; i++) {
        double largest = 0;
        for (size_t j = 0; j < n; j++)
            if (j == i || comes_before(p, j, i))
                largest = fmax(largest, stretched(p, j, n));
        adjusted[i] = largest;
    }
}
