#include "metrics/ranking.h"

#include <math.h>
#include <stdlib.h>

static int by_falling_score(const void *a, const void *b)
{
    double left = ((const struct ranked *)a)->score, right = ((const struct ranked *)b)->score;
    return (left < right) - (left > right);
}

bool ranking_sort(struct ranked *items, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (isnan(items[i].score))
            return false;
    if (n > 1)
        qsort(items, n, sizeof *items, by_falling_score);
    return true;
}

/* Moves *i behind the items that share its score and counts them. */
static void take_threshold(const struct ranked *items, size_t n, size_t *i, size_t *positives,
                           size_t *negatives)
{
    double score = items[*i].score;
    *positives = *negatives = 0;
    for (; *i < n && items[*i].score >= score; *i += 1) {
        *positives += items[*i].is_positive;
        *negatives += !items[*i].is_positive;
    }
}

static size_t count_positives(const struct ranked *items, size_t n)
{
    size_t positives = 0;
    for (size_t i = 0; i < n; i++)
        positives += items[i].is_positive;
    return positives;
}

double ranking_average_precision(const struct ranked *items, size_t n)
{
    size_t all = count_positives(items, n);
    if (n == 0)
        return NAN;
    double sum = 0;
    size_t above = 0, above_positive = 0;
    for (size_t i = 0; i < n && all > 0;) {
        size_t positives, negatives;
        take_threshold(items, n, &i, &positives, &negatives);
        above += positives + negatives;
        above_positive += positives;
        double precision = (double)above_positive / (double)above;
        sum += (double)positives / (double)all * precision;
    }
    return sum;
}

double ranking_roc_auc(const struct ranked *items, size_t n)
{
    size_t all = count_positives(items, n);
    if (all == 0 || all == n)
        return NAN;
    double wins = 0; /* doubled: whole numbers add without rounding */
    size_t negatives_above = 0, all_negatives = n - all;
    for (size_t i = 0; i < n;) {
        size_t positives, negatives;
        take_threshold(items, n, &i, &positives, &negatives);
        size_t negatives_below = all_negatives - negatives_above - negatives;
        wins += (double)positives * (2.0 * (double)negatives_below + (double)negatives);
        negatives_above += negatives;
    }
    return wins / (2.0 * (double)all * (double)all_negatives);
}

double ranking_f1(const struct ranked *items, size_t n)
{
    size_t tp = 0, wrong = 0;
    for (size_t i = 0; i < n; i++) {
        bool decided = items[i].score > 0.5;
        tp += decided && items[i].is_positive;
        wrong += decided != items[i].is_positive;
    }
    size_t denominator = 2 * tp + wrong;
    return denominator > 0 ? 2.0 * (double)tp / (double)denominator : 0.0;
}
