#include "metrics/calibration.h"

#include <math.h>

/* items fall, quantiles rise. */
static double rising(const struct ranked *items, size_t n, size_t i)
{
    return items[n - 1 - i].score;
}

/* Quantile k of n_bins: at place k (n - 1) / n_bins, between its neighbours. */
static double edge_of(const struct ranked *items, size_t n, size_t k, size_t n_bins)
{
    size_t whole = k * (n - 1) / n_bins, rest = k * (n - 1) % n_bins;
    double below = rising(items, n, whole);
    if (rest == 0)
        return below;
    double step = rising(items, n, whole + 1) - below, share = (double)rest / (double)n_bins;
    /* From the nearer end, as numpy does: the edge then never passes the farther one. */
    return share < 0.5 ? below + step * share : below + step - step * (1 - share);
}

static void add_item(struct calibration_bin *bin, const struct ranked *item, double probability)
{
    if (bin->n == 0)
        bin->low = probability;
    bin->high = probability;
    bin->mean += probability; /* the sum, until the bin is closed */
    bin->n_positive += item->is_positive;
    bin->n += 1;
}

static void close_bin(struct calibration *calibration)
{
    struct calibration_bin *bin = &calibration->bins[calibration->n_bins];
    if (bin->n == 0)
        return;
    bin->mean /= (double)bin->n;
    bin->share_positive = (double)bin->n_positive / (double)bin->n;
    double off = fabs(bin->share_positive - bin->mean);
    calibration->error += (double)bin->n / (double)calibration->n * off;
    if (off > calibration->largest)
        calibration->largest = off;
    calibration->n_bins += 1;
}

void calibration_of(const struct ranked *items, size_t n, size_t n_bins,
                    struct calibration *calibration)
{
    *calibration = (struct calibration){.n = n, .error = n ? 0 : NAN, .largest = n ? 0 : NAN};
    size_t next = 0;
    for (size_t k = 1; k <= n_bins && n > 0; k++) {
        double edge = edge_of(items, n, k, n_bins);
        bool last = k == n_bins;
        while (next < n && (last || rising(items, n, next) <= edge)) {
            add_item(&calibration->bins[calibration->n_bins], &items[n - 1 - next],
                     rising(items, n, next));
            next += 1;
        }
        close_bin(calibration);
    }
}
