#include "metrics/estimate.h"

#include "engine/base/string_map.h"
#include "metrics/intervals.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

static void number_images(struct estimator *estimator, const struct dataset *set)
{
    struct string_map seen;
    string_map_init(&seen, &estimator->arena);
    for (size_t i = 0; i < set->n_samples && !arena_failed(&estimator->arena); i++) {
        const char *name = set->samples[i].image_name;
        int64_t number = (int64_t)seen.count;
        string_map_add(&seen, name, strlen(name), number, &number);
        estimator->image[i] = (size_t)number;
    }
    estimator->n_images = seen.count;
}

enum status estimator_init(struct estimator *estimator, const struct dataset *set,
                           struct score_table *table, double scale, struct error *err)
{
    *estimator = (struct estimator){.table = table, .scale = scale};
    struct arena *arena = &estimator->arena;
    arena_init(arena);
    size_t n = set->n_samples;
    estimator->image = arena_alloc(arena, n, sizeof *estimator->image);
    estimator->item = arena_alloc(arena, n, sizeof *estimator->item);
    estimator->y = arena_alloc(arena, n, sizeof *estimator->y);
    estimator->x = arena_alloc(arena, n, sizeof *estimator->x);
    estimator->influence = arena_alloc(arena, n, sizeof *estimator->influence);
    estimator->kept_item = arena_alloc(arena, n, sizeof *estimator->kept_item);
    estimator->kept = arena_alloc(arena, n, sizeof *estimator->kept);
    if (!arena_failed(arena))
        number_images(estimator, set);
    estimator->sums = arena_alloc(arena, estimator->n_images, sizeof *estimator->sums);
    estimator->members = arena_alloc(arena, n, sizeof *estimator->members);
    if (!arena_failed(arena))
        return STATUS_OK;
    arena_release(arena);
    return fail(err, STATUS_NO_MEMORY, "out of memory while scoring");
}

void estimator_release(struct estimator *estimator)
{
    arena_release(&estimator->arena);
}

void estimate_begin(struct estimator *estimator)
{
    estimator->n_items = 0;
    estimator->sum_y = estimator->sum_x = 0;
}

void estimate_add(struct estimator *estimator, size_t sample, double y, double x)
{
    if (x == 0)
        return;
    estimator->item[estimator->n_items] = sample;
    estimator->y[estimator->n_items] = y;
    estimator->x[estimator->n_items] = x;
    estimator->n_items += 1;
    estimator->sum_y += y;
    estimator->sum_x += x;
}

/* How many images the n items are of. */
static size_t count_images(struct estimator *estimator, const size_t *items, size_t n)
{
    size_t count = 0;
    for (size_t c = 0; c < estimator->n_images; c++)
        estimator->sums[c] = 0;
    for (size_t i = 0; i < n; i++) {
        double *seen = &estimator->sums[estimator->image[items[i]]];
        count += *seen == 0;
        *seen = 1;
    }
    return count;
}

static void set_interval(struct score *score, struct interval interval, enum interval_kind kind)
{
    if (isnan(interval.low) || isnan(interval.high))
        return;
    score->low = fmax(interval.low, 0) * score->scale;
    score->high = fmin(interval.high, 1) * score->scale;
    score->interval = kind;
}

static void set_cluster_interval(struct estimator *estimator, struct score *score, double value,
                                 const double *influence, const size_t *items, size_t n)
{
    for (size_t i = 0; i < n; i++)
        estimator->members[i] = estimator->image[items[i]];
    struct interval interval = interval_cluster(value, influence, estimator->members, n,
                                                estimator->sums, estimator->n_images);
    if (interval.low < interval.high)
        set_interval(score, interval, INTERVAL_CLUSTER);
    else if (!score->note)
        score->note = isnan(interval.low) ? "one image: no interval"
                                          : "no variation between the images: no interval";
}

static double influence_of(const struct estimator *estimator, size_t i, double value)
{
    return (estimator->y[i] - value * estimator->x[i]) / estimator->sum_x;
}

struct score *estimate_ratio(struct estimator *estimator, const char *name, double value,
                             bool is_rate)
{
    size_t n = estimator->n_items;
    struct score *score =
        score_add(estimator->table, name, value * estimator->scale, estimator->scale, n);
    if (!score || isnan(value) || n == 0)
        return score;
    size_t n_images = count_images(estimator, estimator->item, n);
    if (is_rate && n_images == n) {
        set_interval(score, interval_wilson(estimator->sum_y, n), INTERVAL_WILSON);
        return score;
    }
    if (is_rate && (estimator->sum_y == 0 || estimator->sum_y == estimator->sum_x)) {
        /* All alike: the linearised error is 0.  Pretending that an image's samples say the same
         * gives an interval that is too wide rather than none. */
        set_interval(score, interval_wilson(value * (double)n_images, n_images), INTERVAL_CLUSTER);
        score->note = "all samples alike: the Wilson interval of as many samples as images";
        return score;
    }
    for (size_t i = 0; i < n; i++)
        estimator->influence[i] = influence_of(estimator, i, value);
    set_cluster_interval(estimator, score, value, estimator->influence, estimator->item, n);
    return score;
}

void estimate_forget_kept(struct estimator *estimator)
{
    estimator->n_kept = 0;
}

void estimate_keep(struct estimator *estimator, double value, double weight)
{
    for (size_t i = 0; i < estimator->n_items; i++) {
        estimator->kept_item[estimator->n_kept] = estimator->item[i];
        estimator->kept[estimator->n_kept] = influence_of(estimator, i, value) * weight;
        estimator->n_kept += 1;
    }
}

struct score *estimate_mean(struct estimator *estimator, const char *name, double value)
{
    size_t n = estimator->n_kept;
    struct score *score =
        score_add(estimator->table, name, value * estimator->scale, estimator->scale, n);
    if (score && !isnan(value) && n > 0)
        set_cluster_interval(estimator, score, value, estimator->kept, estimator->kept_item, n);
    return score;
}

void estimate_ranking(struct estimator *estimator, const struct ranked *items, size_t n,
                      struct score *const scores[N_RANKING_VALUES])
{
    struct interval intervals[N_RANKING_VALUES];
    const uint64_t seed = 0;
    if (estimator->table->is_plain)
        return;
    if (ranking_intervals(items, n, estimator->n_images, ESTIMATE_RESAMPLES, seed, intervals,
                          NULL)) {
        estimator->table->arena->failed = true;
        return;
    }
    for (size_t v = 0; v < N_RANKING_VALUES; v++) {
        if (!scores[v] || isnan(scores[v]->value))
            continue;
        if (intervals[v].low < intervals[v].high)
            set_interval(scores[v], intervals[v], INTERVAL_BOOTSTRAP);
        else if (!scores[v]->note)
            scores[v]->note = isnan(intervals[v].low)
                                  ? "too few images with both classes: no interval"
                                  : "no variation between the images: no interval";
    }
}
