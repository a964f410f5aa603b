/* eval/profile_limits.c - how near a stage is to what the machine can do: probes, and the counted
 * work of every stage. */
#include "engine/ops/compute.h"
#include "engine/work.h"
#include "eval/profile.h"

#include <math.h>

enum { PRODUCTS = 1 }; /* of a probe's run: 41 billion operations */

/* The type of the products of the decoder, and of towers and connector. */
static enum matmul_type decoder_type(enum precision precision)
{
    static const enum matmul_type types[PRECISION_N] = {
        [PRECISION_F32] = MATMUL_F32,
        [PRECISION_BF16] = MATMUL_BF16,
        [PRECISION_INT8] = MATMUL_INT8,
    };
    return types[precision];
}

static enum matmul_type vision_type(enum precision precision)
{
    return precision == PRECISION_F32 ? MATMUL_F32 : MATMUL_BF16;
}

enum status profile_open_probes(struct profile *profile, struct error *err)
{
    const struct profile_plan *plan = profile->plan;
    profile->rates = arena_alloc(&profile->arena, plan->threads.n, sizeof *profile->rates);
    if (!profile->rates)
        return fail(err, STATUS_NO_MEMORY, "out of memory for the probes' rates");
    for (size_t t = 0; t < plan->threads.n; t++)
        profile->rates[t].threads = plan->threads.values[t];
    if (plan->no_limits)
        return STATUS_OK;
    enum status status = read_probe_open(&profile->read_probe, err);
    for (size_t i = 0; !status && i < plan->precisions.n; i++) {
        enum precision precision = (enum precision)plan->precisions.values[i];
        const enum matmul_type types[] = {decoder_type(precision), vision_type(precision)};
        for (int k = 0; !status && k < 2; k++)
            if (!profile->product_probes[types[k]] && matmul_has(types[k]))
                status = product_probe_open(&profile->product_probes[types[k]], types[k], err);
    }
    return status;
}

void profile_close_probes(struct profile *profile)
{
    read_probe_close(&profile->read_probe);
    for (int type = 0; type < MATMUL_TYPES; type++)
        product_probe_close(profile->product_probes[type]);
}

void profile_run_probes(struct profile *profile)
{
    for (size_t t = 0; t < profile->plan->threads.n && !profile->plan->no_limits; t++) {
        struct profile_rates *rates = &profile->rates[t];
        const struct compute compute = {.threads = rates->threads};
        if (rates->n == PROFILE_MOST_RATES)
            continue;
        compute_use_threads(&compute);
        rates->read[rates->n] = read_probe_run(&profile->read_probe);
        for (int type = 0; type < MATMUL_TYPES; type++)
            if (profile->product_probes[type])
                rates->product[type][rates->n] =
                    product_probe_run(profile->product_probes[type], PRODUCTS);
        rates->n++;
    }
}

static void set(struct profile_row *row, enum profile_stage stage, struct work work)
{
    row->limits[stage].flop = work.flop > 0 ? work.flop : (double)NAN;
    row->limits[stage].bytes = work.bytes;
}

void profile_count_work(struct profile_cell *cell)
{
    struct profile_row *row = cell->row;
    const struct engine *engine = cell->engine;
    const double none = (double)NAN;
    int start = row->depth + row->image_tokens, behind = start + row->prompt_rows;
    int steps = row->new_tokens - 1;
    for (int s = 0; s < PROFILE_STAGES; s++)
        row->limits[s] = (struct profile_limit){none, none, none, none};
    for (size_t i = 0; row->has_picture && i < row->n_towers; i++)
        set(row, i == 0 ? PROFILE_TOWER : PROFILE_TOWER_2,
            engine_tower_work(engine, i, row->batch));
    if (row->has_picture) {
        set(row, PROFILE_CONNECTOR, engine_connector_work(engine, row->batch));
        struct work image = engine_rows_work(engine, 1, row->image_tokens, 0, 0);
        set(row, PROFILE_IMAGE, (struct work){row->batch * image.flop, row->batch * image.bytes});
    }
    set(row, PROFILE_PROMPT, engine_rows_work(engine, row->batch, row->prompt_rows, start, 1));
    if (steps > 0) { /* every step as the one in the middle */
        struct work step = engine_rows_work(engine, row->batch, 1, behind + steps / 2, 1);
        set(row, PROFILE_DECODE, (struct work){steps * step.flop, steps * step.bytes});
    }
}

static const struct profile_rates *rates_of(const struct profile *profile, int threads)
{
    for (size_t t = 0; t < profile->plan->threads.n; t++)
        if (profile->rates[t].threads == threads)
            return &profile->rates[t];
    return NULL;
}

static double median_rate(const double *rates, size_t n)
{
    double scratch[PROFILE_MOST_RATES];
    return latency_median(rates, n, scratch);
}

static double product_rate(const struct profile *profile, const struct profile_rates *rates,
                           enum matmul_type type)
{
    return profile->product_probes[type] ? median_rate(rates->product[type], rates->n)
                                         : (double)NAN;
}

void profile_set_limits(struct profile *profile)
{
    struct profile_record *record = &profile->record;
    const struct profile_rates *most = &profile->rates[0];
    for (size_t t = 1; t < profile->plan->threads.n; t++)
        if (profile->rates[t].threads > most->threads)
            most = &profile->rates[t];
    record->read_bytes_per_s = median_rate(most->read, most->n);
    for (int type = 0; type < MATMUL_TYPES; type++) {
        record->product_types[type] =
            profile->product_probes[type] ? matmul_type_name((enum matmul_type)type) : NULL;
        record->product_flop_per_s[type] = product_rate(profile, most, (enum matmul_type)type);
    }
    for (size_t i = 0; i < record->n_rows; i++) {
        struct profile_row *row = &record->rows[i];
        const struct profile_rates *rates = rates_of(profile, row->threads);
        enum precision precision;
        if (row->error || !rates || precision_parse(row->precision, &precision, NULL))
            continue;
        for (int s = 0; s < PROFILE_STAGES; s++) {
            bool vision = s <= PROFILE_CONNECTOR;
            row->limits[s].bytes_per_s = median_rate(rates->read, rates->n);
            row->limits[s].flop_per_s = product_rate(
                profile, rates, vision ? vision_type(precision) : decoder_type(precision));
        }
    }
}
