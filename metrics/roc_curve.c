#include "metrics/roc_curve.h"

#include <math.h>

/* Counts until the curve is whole; then rates. */
static bool is_on_line(const struct roc_point *before, const struct roc_point *point,
                       const struct roc_point *after)
{
    return point->false_alarm_rate - before->false_alarm_rate ==
               after->false_alarm_rate - point->false_alarm_rate &&
           point->hit_rate - before->hit_rate == after->hit_rate - point->hit_rate;
}

/* One point a distinct score, in counts. */
static size_t count_points(const struct ranked *items, size_t n, struct roc_point *points)
{
    size_t filled = 0;
    double positives = 0, negatives = 0;
    for (size_t i = 0; i < n; i++) {
        positives += items[i].is_positive;
        negatives += !items[i].is_positive;
        bool ends = i + 1 == n || items[i + 1].score < items[i].score;
        if (ends)
            points[++filled] = (struct roc_point){items[i].score, negatives, positives};
    }
    return filled + 1;
}

/* The steps are compared as scikit-learn does: a point goes where the step to it and the step from
 * it are the same, each against its neighbours in the full curve. */
static size_t drop_straight(struct roc_point *points, size_t n)
{
    size_t kept = 2; /* the origin and the first score */
    struct roc_point before = points[1];
    for (size_t i = 2; i < n; i++) {
        struct roc_point point = points[i];
        if (i + 1 == n || !is_on_line(&before, &point, &points[i + 1]))
            points[kept++] = point;
        before = point;
    }
    return kept;
}

size_t roc_curve(const struct ranked *items, size_t n, struct roc_point *points)
{
    points[0] = (struct roc_point){(double)INFINITY, 0, 0};
    size_t filled = n ? count_points(items, n, points) : 1;
    double positives = points[filled - 1].hit_rate;
    double negatives = points[filled - 1].false_alarm_rate;
    if (!(positives > 0 && negatives > 0))
        return 0;
    if (filled > 2)
        filled = drop_straight(points, filled);
    for (size_t i = 0; i < filled; i++) {
        points[i].false_alarm_rate /= negatives;
        points[i].hit_rate /= positives;
    }
    return filled;
}
