#include "metrics/choice.h"

#include <math.h>

size_t choice_argmax(const double *probabilities, size_t n)
{
    size_t best = 0;
    for (size_t i = 0; i < n; i++) {
        if (isnan(probabilities[i]))
            return i;
        if (probabilities[i] > probabilities[best])
            best = i;
    }
    return best;
}
