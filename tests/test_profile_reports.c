/* What is made of a profile's raw times, which are invented here: statistics, formats, crossings.
 */
#include "tests/check.h"

#include "engine/base/json.h"
#include "reports/profile.h"
#include "reports/profile_fields.h"
#include "reports/profile_times.h"

#include <math.h>

enum { RUNS = 12, TOKENS = 5 };

struct made {
    struct arena arena;
    struct profile_record record;
};

/* Every run: read 1 ms, image 10, prompt 5, first 1, decode 4 x 8, 1 in no stage; each stretched by
 * factor and by run % 3 thousandths. */
static void fill_runs(struct arena *arena, struct profile_row *row, double factor)
{
    row->runs = arena_alloc(arena, RUNS, sizeof *row->runs);
    for (int i = 0; i < RUNS; i++) {
        struct profile_run *run = &row->runs[i];
        double ms = 1e6 * factor * (1 + 0.001 * (i % 3));
        int64_t *gaps = arena_alloc(arena, TOKENS, sizeof *gaps);
        run->round = i;
        run->start_ns = (int64_t)(i * 60 * ms);
        run->stage_ns[PROFILE_READ] = (int64_t)ms;
        run->stage_ns[PROFILE_IMAGE] = (int64_t)(10 * ms);
        run->stage_ns[PROFILE_PROMPT] = (int64_t)(5 * ms);
        run->stage_ns[PROFILE_FIRST] = (int64_t)ms;
        run->stage_ns[PROFILE_DECODE] = (int64_t)(32 * ms);
        run->e2e_ns = (int64_t)(50 * ms);
        run->ttft_ns = (int64_t)(17 * ms);
        run->last_ns = run->ttft_ns + (int64_t)(32 * ms);
        for (int g = 0; g + 1 < TOKENS; g++)
            gaps[g] = (int64_t)(8 * ms);
        run->gaps_ns = gaps;
    }
    row->n_runs = RUNS;
    row->n_blocks = 1;
}

static struct profile_row make_row(struct arena *arena, size_t model, double factor)
{
    static const char *const names[] = {"alpha", "beta"};
    struct profile_row row = {
        .asked = names[model],
        .name = names[model],
        .model = model,
        .threads = 2,
        .batch = 1,
        .prompt_rows = 7,
        .image_tokens = 100,
        .new_tokens = TOKENS,
        .precision = "bf16",
        .has_picture = true,
        .stamps = true,
        .random_weights = true,
        .weight_bytes = 1 << 30,
        .parameters = 500000000,
        .others = (double)NAN,
        .energy_j = (double)NAN,
    };
    for (int s = 0; s < PROFILE_STAGES; s++)
        row.limits[s] = (struct profile_limit){(double)NAN, (double)NAN, 1e12, 1e10};
    row.limits[PROFILE_IMAGE].flop = 5e9; /* 5 of the 10 ms by products */
    row.limits[PROFILE_IMAGE].bytes = 1e7;
    row.limits[PROFILE_DECODE].flop = 1e9;
    row.limits[PROFILE_DECODE].bytes = 2.4e8; /* 24 of the 32 ms by memory */
    fill_runs(arena, &row, factor);
    return row;
}

static void made_open(struct made *made, size_t n_rows)
{
    static struct profile_fact facts[] = {{"cpu", "a CPU, \"quoted\""}};
    *made = (struct made){.record = {.version = "test", .started = "2026-01-01T00:00:00Z"}};
    arena_init(&made->arena);
    struct profile_record *record = &made->record;
    record->command = "mambench profile";
    record->facts = facts;
    record->n_facts = 1;
    record->read_bytes_per_s = 1e10;
    record->product_types[0] = "bf16";
    record->product_flop_per_s[0] = 1e12;
    record->rows = arena_alloc(&made->arena, n_rows, sizeof *record->rows);
    record->n_rows = n_rows;
}

static void finish(struct made *made)
{
    struct error err = {""};
    assert_ok(profile_finish(&made->record, &made->arena, &err), err);
}

static void near(double got, double expected)
{
    if (!(fabs(got - expected) <= 1e-6 * fabs(expected)))
        fail_msg("%.12g is not %.12g", got, expected);
}

static void stages_have_shares_and_limits(void **state)
{
    (void)state;
    struct made made;
    made_open(&made, 1);
    made.record.rows[0] = make_row(&made.arena, 0, 1);
    finish(&made);
    const struct profile_row *row = &made.record.rows[0];
    near(row->e2e.median, 50.05e6);
    near(row->ttft.median, 17.017e6);
    near(row->tpot.median, 8.008e6);
    assert_int_equal(row->gaps.n, RUNS * (TOKENS - 1));
    near(row->unattributed, 0.02);
    near(row->stages[PROFILE_IMAGE].share, 0.2);
    near(row->stages[PROFILE_IMAGE].limit_share, 0.5 / 1.001);
    assert_false(row->stages[PROFILE_IMAGE].by_memory);
    near(row->stages[PROFILE_DECODE].limit_share, 0.75 / 1.001);
    assert_true(row->stages[PROFILE_DECODE].by_memory);
    near(row->stages[PROFILE_DECODE].bytes_per_s, 7.5e9 / 1.001);
    assert_true(isnan(row->stages[PROFILE_READ].limit_share));
    assert_true(isnan(row->stages[PROFILE_TOWER].median_ns));
    near(profile_tokens_per_s(row), TOKENS / 0.05005);
    assert_int_equal(row->verdict, 0);
    arena_release(&made.arena);
}

static void neighbours_are_paired(void **state)
{
    (void)state;
    struct made made;
    made_open(&made, 3);
    made.record.rows[0] = make_row(&made.arena, 0, 1);
    made.record.rows[1] = make_row(&made.arena, 1, 1.1);
    made.record.rows[2] = make_row(&made.arena, 1, 1.1);
    made.record.rows[2].threads = 1;
    for (int i = 3; i < RUNS; i++)
        made.record.rows[1].runs[i].round = i + 1; /* it had no round 3 */
    finish(&made);
    assert_int_equal(made.record.n_pairs, 2); /* two differences are none to be told */
    const struct profile_pair *pair = &made.record.pairs[0];
    assert_string_equal(pair->differ, "model");
    assert_int_equal(pair->e2e.n, RUNS - 1);
    assert_true(pair->e2e.differs && fabs(pair->e2e.percent - 10) < 0.2);
    assert_string_equal(made.record.pairs[1].differ, "threads");
    assert_int_equal(made.record.pairs[1].e2e.n, RUNS - 1);
    assert_false(made.record.pairs[1].e2e.differs);
    arena_release(&made.arena);
}

static void blocks_that_differ_are_told(void **state)
{
    (void)state;
    struct made made;
    made_open(&made, 1);
    struct profile_row *row = &made.record.rows[0];
    *row = make_row(&made.arena, 0, 1);
    row->n_blocks = 3;
    for (int i = 0; i < RUNS; i++) {
        row->runs[i].block = i / 4;
        row->runs[i].e2e_ns += i / 4 == 1 ? 2000000 : i / 4 == 2 ? -3000000 : 0;
    }
    finish(&made);
    assert_true(row->blocks_p < 0.01);
    assert_true(row->verdict & LATENCY_BLOCKS);
    assert_contains(profile_verdict_text(row->verdict), "BLOCKS DIFFER");
    arena_release(&made.arena);
}

static const char llama_bench[] =
    "build_commit,build_number,cpu_info,gpu_info,backends,model_filename,model_type,model_size,"
    "model_n_params,n_batch,n_ubatch,n_threads,cpu_mask,cpu_strict,poll,type_k,type_v,"
    "n_gpu_layers,split_mode,main_gpu,no_kv_offload,flash_attn,tensor_split,use_mmap,embeddings,"
    "n_prompt,n_gen,n_depth,test_time,avg_ns,stddev_ns,avg_ts,stddev_ts,";

static void csv_begins_with_llama_benchs_columns(void **state)
{
    (void)state;
    struct made made;
    struct text text;
    text_init(&text);
    made_open(&made, 1);
    made.record.rows[0] = make_row(&made.arena, 0, 1);
    finish(&made);
    profile_format_find("csv")->add(&made.record, &text);
    assert_memory_equal(text_string(&text), llama_bench, strlen(llama_bench));
    assert_contains(text_string(&text), "\n\"test\",\"0\",\"a CPU, \"\"quoted\"\"\",\"\",\"CPU\"");
    assert_contains(text_string(&text), "\"n<64\",\"n<662\"");
    text_release(&text);
    arena_release(&made.arena);
}

/* Types as llama-bench prints them: strings s, whole numbers d, booleans b, numbers f. */
static void json_has_llama_benchs_types(void **state)
{
    (void)state;
    static const char types[] = "sdsssssdddddsbdssdsdbbsbbdddsddff";
    struct made made;
    struct text text;
    struct error err = {""};
    cJSON *root;
    text_init(&text);
    made_open(&made, 1);
    made.record.rows[0] = make_row(&made.arena, 0, 1);
    finish(&made);
    profile_format_find("json")->add(&made.record, &text);
    assert_ok(json_parse(&root, text_string(&text), text.length, "test", &err), err);
    assert_int_equal(cJSON_GetArraySize(root), PROFILE_TESTS);
    for (int test = 0; test < PROFILE_TESTS; test++) {
        const cJSON *member = cJSON_GetArrayItem(root, test)->child;
        const char *name = llama_bench;
        for (size_t i = 0; i < sizeof types - 1; i++, member = member->next) {
            size_t length = strcspn(name, ",");
            assert_memory_equal(member->string, name, length);
            assert_true(types[i] == 's'   ? cJSON_IsString(member)
                        : types[i] == 'b' ? cJSON_IsBool(member)
                                          : cJSON_IsNumber(member));
            assert_true(types[i] != 'd' || !(fabs(remainder(member->valuedouble, 1)) > 0));
            name += length + 1;
        }
    }
    const cJSON *pp = cJSON_GetArrayItem(root, 0), *tg = cJSON_GetArrayItem(root, 1);
    assert_int_equal(json_int_or(pp, "n_prompt", -1), 107);
    assert_int_equal(json_int_or(pp, "n_gen", -1), 0);
    near(json_number_or(pp, "avg_ns", 0), 15.015e6);
    assert_int_equal(json_int_or(tg, "n_prompt", -1), 0);
    assert_int_equal(json_int_or(tg, "n_gen", -1), TOKENS - 1);
    assert_int_equal(cJSON_GetArraySize(json_find(tg, "samples_ns")), RUNS);
    assert_int_equal(cJSON_GetArraySize(json_find(tg, "gaps_ns")), RUNS * (TOKENS - 1));
    assert_true(cJSON_IsNull(json_find(pp, "p90_ns")));
    cJSON_Delete(root);
    text_release(&text);
    arena_release(&made.arena);
}

static void tables_say_what_is_missing(void **state)
{
    (void)state;
    struct made made;
    struct text text;
    text_init(&text);
    made_open(&made, 2);
    made.record.rows[0] = make_row(&made.arena, 0, 1);
    made.record.rows[0].max_positions = 50;
    made.record.rows[1] = make_row(&made.arena, 1, 1);
    made.record.rows[1].error = "it does not fit";
    finish(&made);
    profile_format_find("table")->add(&made.record, &text);
    assert_contains(text_string(&text), "n<64  n<662");
    assert_contains(text_string(&text), "50 % of products");
    assert_contains(text_string(&text), "BEYOND the 50 trained positions");
    assert_contains(text_string(&text), "ERROR: it does not fit");
    text_reset(&text);
    profile_format_find("md")->add(&made.record, &text);
    assert_contains(text_string(&text), "pp107 (beyond training)");
    assert_contains(text_string(&text), "error: it does not fit");
    text_release(&text);
    arena_release(&made.arena);
}

/* alpha is a state space model, 10 ms everywhere; beta begins at half and grows to twice that. */
static void make_depths(struct made *made, double slowest)
{
    static const int depths[] = {0, 512, 1536};
    made_open(made, 6);
    made->record.compares = true;
    for (size_t i = 0; i < 6; i++) {
        double grown = 0.5 + (slowest - 0.5) * (depths[i % 3] - 512) / 1024;
        struct profile_row *row = &made->record.rows[i];
        *row = make_row(&made->arena, i / 3, i < 3 || i == 3 ? 1 : grown);
        row->depth = depths[i % 3];
        row->has_picture = row->depth == 0;
        row->image_tokens = row->has_picture ? 100 : 0;
        row->state_bytes_each = i < 3 ? 1000 : 0;
        row->cache_bytes_per_token = i < 3 ? 0 : 300;
    }
    finish(made);
}

static void crossings_are_stated(void **state)
{
    (void)state;
    struct made made;
    struct text text;
    text_init(&text);
    make_depths(&made, 1.5);
    profile_add_crossover(&made.record, false, &text);
    assert_contains(text_string(&text), "alpha against beta: time per token: less from about 1024");
    assert_contains(text_string(&text), "from 4 positions on");
    assert_contains(text_string(&text), "a picture takes 100");
    text_reset(&text);
    arena_release(&made.arena);
    make_depths(&made, 0.9);
    profile_add_crossover(&made.record, true, &text);
    assert_contains(text_string(&text), "more throughout, from 512 to 1536 positions");
    assert_contains(text_string(&text), "| TPOT, ms | picture | behind 512 |");
    text_reset(&text);
    arena_release(&made.arena);
    make_depths(&made, 1.01); /* what no comparison would call a difference */
    profile_add_crossover(&made.record, false, &text);
    assert_contains(text_string(&text), "within 2 % from about 15");
    text_release(&text);
    arena_release(&made.arena);
}

static void traces_and_profiles_are_json(void **state)
{
    (void)state;
    struct made made;
    struct text text;
    struct error err = {""};
    cJSON *root;
    text_init(&text);
    made_open(&made, 2);
    made.record.rows[0] = make_row(&made.arena, 0, 1);
    made.record.rows[0].cold = made.record.rows[0].runs[0];
    made.record.rows[1] = make_row(&made.arena, 1, 1.1);
    finish(&made);
    profile_add_trace(&made.record, &text);
    assert_ok(json_parse(&root, text_string(&text), text.length, "trace", &err), err);
    /* Two names; 25 runs with their 5 stages and 5 tokens. */
    assert_int_equal(cJSON_GetArraySize(json_find(root, "traceEvents")), 2 + 25 * (1 + 5 + TOKENS));
    cJSON_Delete(root);
    text_reset(&text);
    profile_add_run_json(&made.record, "{\"scenario\": \"x\"}", 3.5, &text);
    assert_ok(json_parse(&root, text_string(&text), text.length, "profile", &err), err);
    assert_string_equal(json_string_or(json_find(root, "identity"), "scenario", ""), "x");
    near(json_number_or(root, "tokens_per_s", 0), 3.5);
    const cJSON *row = json_find(root, "rows")->child;
    assert_int_equal(cJSON_GetArraySize(json_find(row, "runs_ns")), RUNS);
    assert_int_equal(json_int_or(json_find(row, "runs_ns")->child, "decode", 0), 32000000);
    const cJSON *pair = json_find(root, "compared")->child;
    near(json_number_or(pair, "percent", 0), 10);
    assert_true(json_bool_or(pair, "differs", false));
    cJSON_Delete(root);
    text_release(&text);
    arena_release(&made.arena);
}

/* Every allocation of the statistics and of every format fails once. */
static void missing_memory_is_told(void **state)
{
    (void)state;
    for (long n = 1, struck = 1; struck; n++) {
        struct made made;
        struct error err = {""};
        struct text text;
        make_depths(&made, 1.5);
        text_init(&text);
        fail_allocation(n);
        enum status status = profile_finish(&made.record, &made.arena, &err);
        for (size_t f = 0; !status && !text.failed && profile_formats[f]; f++)
            profile_formats[f]->add(&made.record, &text);
        struck = allocation_has_failed();
        fail_allocation(0);
        assert_true(!struck || status == STATUS_NO_MEMORY || text.failed);
        assert_true(struck || (!status && !text.failed));
        text_release(&text);
        arena_release(&made.arena);
    }
}

/* What was written of two models, the second of which has one row with an error. */
static void write_two(struct made *made, struct text *text, bool whole)
{
    made_open(made, 3);
    made->record.rows[0] = make_row(&made->arena, 0, 1);
    made->record.rows[1] = make_row(&made->arena, 1, 1.1);
    made->record.rows[2] = make_row(&made->arena, 1, 1);
    made->record.rows[2].error = "it does not fit";
    finish(made);
    text_reset(text);
    if (whole)
        profile_add_run_json(&made->record, NULL, (double)NAN, text);
    else
        profile_format_find("json")->add(&made->record, text);
}

static void times_are_read_back(void **state)
{
    (void)state;
    struct text text;
    struct error err = {""};
    text_init(&text);
    for (int whole = 0; whole < 2; whole++) {
        struct made made;
        struct profile_times_list list;
        write_two(&made, &text, whole);
        assert_true(profile_times_looks_like(text_string(&text), text.length));
        assert_ok(
            profile_times_read(&list, text_string(&text), text.length, "test", &made.arena, &err),
            err);
        assert_int_equal(list.n, 2);
        assert_int_equal(list.n_errors, 1);
        const struct profile_times *alpha = &list.rows[0], *beta = &list.rows[1];
        assert_int_equal(alpha->n, RUNS);
        assert_string_equal(beta->model, "beta");
        assert_true(profile_times_match(alpha, beta));
        assert_int_equal(alpha->nth, 0);
        assert_int_equal(beta->nth, 1);
        assert_string_equal(profile_times_name(alpha, &made.arena),
                            "bf16, 2 threads, batch 1, picture, prompt of 7, 5 new");
        for (size_t i = 0; i < RUNS; i++) {
            const struct profile_run *run = &made.record.rows[1].runs[i];
            near(beta->ns[PROFILE_LATENCY_E2E][i], (double)run->e2e_ns);
            near(beta->ns[PROFILE_LATENCY_TTFT][i], (double)run->ttft_ns);
            near(beta->ns[PROFILE_LATENCY_TPOT][i], (double)(run->last_ns - run->ttft_ns) / 4);
            assert_true(!whole || beta->turns[i].round == (int)i);
        }
        assert_int_equal(list.n_facts, whole);
        assert_true(!whole || strcmp(list.facts[0].value, "a CPU, \"quoted\"") == 0);
        arena_release(&made.arena);
    }
    text_release(&text);
}

static void torn_times_are_refused(void **state)
{
    (void)state;
    static const char *const damaged[] = {
        "",
        "{\"rows\": []}",
        "{\"profile\": 1}",
        "[1]",
        "[{\"test\": \"question\"}]",
        "[{\"test\": \"question\", \"samples_ns\": []}]",
        "[{\"test\": \"question\", \"samples_ns\": [1, 0]}]",
        "[{\"test\": \"question\", \"samples_ns\": [1, null]}]",
        "[{\"test\": \"question\", \"samples_ns\": [1, 1e999]}]",
        "[{\"test\": \"question\", \"samples_ns\": [1, 2], \"samples_ttft_ns\": [1]}]",
        "{\"profile\": 1, \"rows\": [{\"test\": \"question\", \"runs_ns\": [{}]}]}",
        "{\"profile\": 1, \"rows\": [{\"test\": \"question\", \"runs_ns\": 3}]}",
    };
    struct made made;
    struct text text;
    struct profile_times_list list;
    text_init(&text);
    write_two(&made, &text, true);
    for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
        struct error err = {""};
        if (!profile_times_read(&list, damaged[i], strlen(damaged[i]), "x.json", &made.arena, &err))
            fail_msg("accepted: %s", damaged[i]);
        assert_contains(err.text, "x.json");
    }
    for (size_t length = 0; length + 2 < text.length; length += 97) {
        struct error err = {""};
        assert_int_equal(
            profile_times_read(&list, text_string(&text), length, "x", &made.arena, &err),
            STATUS_BAD_FORMAT);
    }
    arena_release(&made.arena);
    text_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stages_have_shares_and_limits),
        cmocka_unit_test(neighbours_are_paired),
        cmocka_unit_test(blocks_that_differ_are_told),
        cmocka_unit_test(csv_begins_with_llama_benchs_columns),
        cmocka_unit_test(json_has_llama_benchs_types),
        cmocka_unit_test(tables_say_what_is_missing),
        cmocka_unit_test(crossings_are_stated),
        cmocka_unit_test(traces_and_profiles_are_json),
        cmocka_unit_test(times_are_read_back),
        cmocka_unit_test(torn_times_are_refused),
        cmocka_unit_test(missing_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
