#include "metrics/mcnemar.h"

/* Binomial coefficients relative to the middle one: their ratios are simple, and neither 2^n nor a
 * factorial is needed. */
double mcnemar_exact(size_t only_a, size_t only_b)
{
    size_t n = only_a + only_b, fewer = only_a < only_b ? only_a : only_b, middle = n / 2;
    if (2 * fewer == n || 2 * fewer + 1 == n)
        return 1;
    double term = 1, below = 0, tail = 0;
    for (size_t k = middle; k > 0; k--) { /* from C(n, k) to C(n, k - 1) */
        term *= (double)k / (double)(n - k + 1);
        below += term;
        if (k - 1 <= fewer)
            tail += term;
    }
    double all = n % 2 == 0 ? 2 * below + 1 : 2 * (below + 1);
    return 2 * tail / all;
}
