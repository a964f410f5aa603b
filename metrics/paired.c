#include "metrics/paired.h"

#include "engine/base/random.h"

#include <math.h>
#include <stdlib.h>

struct paired_difference paired_difference(const struct paired_image *images, size_t n)
{
    struct paired_difference result = {NAN, NAN, {NAN, NAN}, 0};
    double questions = 0, sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        result.n_images += images[i].n > 0;
        questions += images[i].n;
        sum += images[i].difference;
    }
    if (result.n_images == 0)
        return result;
    result.mean = sum / questions;
    if (result.n_images < 2)
        return result;
    for (size_t i = 0; i < n; i++) {
        double rest = images[i].difference - result.mean * images[i].n;
        squares += rest * rest;
    }
    double groups = (double)result.n_images;
    result.error = sqrt(groups / (groups - 1) * squares) / questions;
    if (result.error > 0) {
        double half = student_quantile(0.975, groups - 1) * result.error;
        result.interval = (struct interval){result.mean - half, result.mean + half};
    }
    return result;
}

/* Signed sums of eight images at a time, one for each of the 256 assignments of their signs: an
 * assignment of all then costs a look-up for eight images. */
struct sign_tables {
    double (*sums)[256];
    size_t n; /* tables; a multiple of 8, so that a random word serves eight */
    double seen, tolerance;
};

static void fill_table(double sums[256], const double differences[8])
{
    for (unsigned signs = 0; signs < 256; signs++) {
        sums[signs] = 0;
        for (unsigned i = 0; i < 8; i++)
            sums[signs] += signs >> i & 1 ? -differences[i] : differences[i];
    }
}

static bool tables_init(struct sign_tables *tables, const struct paired_image *images, size_t n,
                        size_t n_differ)
{
    double eight[8] = {0}, largest = 0;
    size_t filled = 0, table = 0;
    tables->n = (n_differ + 63) / 64 * 8;
    tables->sums = calloc(tables->n, sizeof *tables->sums);
    if (!tables->sums)
        return false;
    tables->seen = 0;
    for (size_t i = 0; i < n; i++) {
        if (images[i].difference == 0)
            continue;
        tables->seen += images[i].difference;
        largest += fabs(images[i].difference);
        eight[filled++ % 8] = images[i].difference;
        if (filled % 8 == 0)
            fill_table(tables->sums[table++], eight);
    }
    for (size_t rest = filled % 8; rest > 0 && rest < 8; rest++)
        eight[rest] = 0;
    if (filled % 8 != 0)
        fill_table(tables->sums[table], eight);
    tables->seen = fabs(tables->seen);
    /* Sums that are equal but for rounding are equal. */
    tables->tolerance = 1e-10 * largest;
    return true;
}

static bool is_as_far(const struct sign_tables *tables, double sum)
{
    return fabs(sum) >= tables->seen - tables->tolerance;
}

/* The last image keeps its sign: the other half of the assignments mirrors this one. */
static double try_all(const struct sign_tables *tables, size_t n_differ, size_t *n_signs)
{
    size_t hits = 0, n = (size_t)1 << (n_differ - 1);
    for (size_t signs = 0; signs < n; signs++) {
        double sum = 0;
        for (size_t t = 0; t < (n_differ + 7) / 8; t++)
            sum += tables->sums[t][signs >> 8 * t & 255];
        hits += is_as_far(tables, sum);
    }
    *n_signs = 2 * n;
    return (double)hits / (double)n;
}

/* Draw d reads the words that follow those of draw d - 1, whoever computes it. */
static size_t count_draws(const struct sign_tables *tables, size_t n_draws, uint64_t seed)
{
    size_t hits = 0, n_words = tables->n / 8;
#pragma omp parallel for schedule(static) reduction(+ : hits) if (n_words * n_draws > 100000)
    for (size_t draw = 0; draw < n_draws; draw++) {
        struct random_stream stream = {seed};
        random_skip(&stream, draw * n_words);
        double even = 0, odd = 0;
        for (size_t word = 0; word < n_words; word++) {
            uint64_t signs = random_bits(&stream);
            double(*sums)[256] = tables->sums + 8 * word;
            for (size_t t = 0; t < 8; t += 2) {
                even += sums[t][signs >> 8 * t & 255];
                odd += sums[t + 1][signs >> (8 * t + 8) & 255];
            }
        }
        hits += is_as_far(tables, even + odd);
    }
    return hits;
}

enum status paired_permutation(const struct paired_image *images, size_t n, size_t n_draws,
                               uint64_t seed, struct permutation *result, struct error *err)
{
    struct sign_tables tables;
    *result = (struct permutation){.p = 1, .is_exact = true, .n_signs = 1};
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(images[i].difference))
            return fail(err, STATUS_MISMATCH,
                        "the difference of an image's questions is not a finite number");
        result->n_differ += images[i].difference != 0;
    }
    if (result->n_differ == 0)
        return STATUS_OK;
    if (!tables_init(&tables, images, n, result->n_differ))
        return fail(err, STATUS_NO_MEMORY, "out of memory for %zu images that differ",
                    result->n_differ);
    if (result->n_differ <= PAIRED_MOST_EXACT) {
        result->p = try_all(&tables, result->n_differ, &result->n_signs);
    } else {
        size_t hits = count_draws(&tables, n_draws, seed);
        result->p = (1 + (double)hits) / (1 + (double)n_draws);
        result->is_exact = false;
        result->n_signs = n_draws;
    }
    free(tables.sums);
    return STATUS_OK;
}
