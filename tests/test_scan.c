/* ML-Mamba's connector: its blocks against golden values, tiny connectors with every tail against
 * PyTorch's rows, the rules that every connector keeps, and the shared checkpoint. */
#include "tests/golden_weights.h"
#include "tests/mamba2_data.h"

#include "engine/connectors/connector.h"
#include "engine/connectors/scan_blocks.h"

#include <math.h>

#define CONNECTOR MAMBA2_DATA "connector.safetensors"

enum { SQUARE_ROWS = 64, POOLED_ROWS = 196 };

static const struct {
    const char *name, *path;
    int hidden_width, n_out; /* 0: as many rows as patches */
} tails[] = {
    {"fused-gelu-mlp", MAMBA2_DATA "fused-gelu-mlp.safetensors", HIDDEN, 0},
    {"linear", MAMBA2_DATA "linear.safetensors", 0, 0},
    {"gelu-mlp", MAMBA2_DATA "gelu-mlp.safetensors", HIDDEN, 0},
    {"fused-ldpnet", MAMBA2_DATA "fused-ldpnet.safetensors", HIDDEN, POOLED_ROWS},
};
enum { N_TAILS = sizeof tails / sizeof tails[0] };

static struct card_connector tiny_card(int tail)
{
    return (struct card_connector){.kind = "mamba2-scan",
                                   .in_width = IN_WIDTH,
                                   .out_width = WIDTH,
                                   .hidden_width = tails[tail].hidden_width,
                                   .eps = 1e-5,
                                   .tail = tails[tail].name,
                                   .blocks = BLOCKS,
                                   .inner_width = INNER,
                                   .state_size = STATE_SIZE,
                                   .conv_width = TAPS,
                                   .head_dim = HEAD_DIM};
}

/* Large enough for operations to use several threads. */
static struct card_connector larger_card(void)
{
    return (struct card_connector){.kind = "mamba2-scan",
                                   .in_width = 40,
                                   .out_width = 64,
                                   .hidden_width = 100,
                                   .eps = 1e-5,
                                   .tail = "gelu-mlp",
                                   .blocks = 2,
                                   .inner_width = 128,
                                   .state_size = 32,
                                   .conv_width = 4,
                                   .head_dim = 16};
}

/* A connector ready to run. */
struct bridge {
    struct part part;
    struct connector *connector;
    struct compute compute;
};

static void bridge_close(struct bridge *bridge)
{
    if (bridge->connector)
        bridge->connector->kind->close(bridge->connector);
    if (bridge->compute.ops)
        compute_close(&bridge->compute);
    part_close(&bridge->part);
}

/* To be closed after a failure too. */
static enum status bridge_open(struct bridge *bridge, const struct card_connector *card,
                               const char *const *paths, const char *prefix, int n_in,
                               enum matmul_type type, const struct ops *ops, int threads,
                               struct error *err)
{
    const struct connector_kind *kind = connector_kind_find(card->kind);
    size_t need = 0;
    *bridge = (struct bridge){.connector = NULL};
    enum status status = part_open(&bridge->part, paths, prefix, type, err);
    if (!status)
        status = kind->open(&bridge->connector, kind, card, n_in, &bridge->part.weights, err);
    if (!status)
        status = compute_open(&bridge->compute, ops, threads, err);
    if (!status)
        status = kind->prepare(bridge->connector, &bridge->compute, &need, err);
    if (!status)
        status = compute_reserve(&bridge->compute, need, err);
    if (!status)
        compute_use_threads(&bridge->compute);
    return status;
}

static enum status tiny_open(struct bridge *bridge, int tail, int n_in, enum matmul_type type,
                             const struct ops *ops, struct error *err)
{
    struct card_connector card = tiny_card(tail);
    const char *paths[] = {CONNECTOR, tails[tail].path, NULL};
    return bridge_open(bridge, &card, paths, "", n_in, type, ops, 2, err);
}

/* The connector's rows for these features; freed by the caller. */
static float *bridge_run(struct bridge *bridge, const float *features)
{
    const struct connector *connector = bridge->connector;
    size_t in = (size_t)connector->n_in * (size_t)connector->in_width;
    float *x =
        calloc((size_t)ops_padded_rows(connector->n_in) * (size_t)connector->in_width, sizeof *x);
    float *rows = malloc((size_t)ops_padded_rows(connector->n_out) * (size_t)connector->out_width *
                         sizeof *rows);
    assert_non_null(x);
    assert_non_null(rows);
    memcpy(x, features, in * sizeof *x);
    fail_allocation(1); /* nothing is allocated while rows are computed */
    connector->kind->run(connector, &bridge->compute, x, rows);
    assert_false(allocation_has_failed());
    fail_allocation(0);
    assert_false(matmul_failed(bridge->compute.matmul));
    assert_int_equal(bridge->compute.taken_floats, 0);
    free(x);
    return rows;
}

/* ---- the blocks alone ---- */

enum { G_WIDTH = 8, G_ROWS = 5 };

static void write_blocks(struct golden_file *file)
{
    static const struct {
        const char *name, *shape;
        size_t n;
    } tensors[] = {
        {"mixer.in_proj.weight", "44,8", 44 * 8},
        {"mixer.conv1d.weight", "24,1,4", 24 * 4},
        {"mixer.conv1d.bias", "24", 24},
        {"mixer.dt_bias", "4", 4},
        {"mixer.A_log", "4", 4},
        {"mixer.D", "4", 4},
        {"mixer.conv1d_b.weight", "24,1,4", 24 * 4},
        {"mixer.conv1d_b.bias", "24", 24},
        {"mixer.dt_bias_b", "4", 4},
        {"mixer.A_log_b", "4", 4},
        {"mixer.D_b", "4", 4},
        {"mixer.norm.weight", "16", 16},
        {"mixer.out_proj.weight", "8,16", 8 * 16},
        {"norm.weight", "8", 8},
        {"norm.bias", "8", 8},
        {"mlp.w1.weight", "8,8", 64},
        {"mlp.w1.bias", "8", 8},
        {"mlp.w2.weight", "8,8", 64},
        {"mlp.w2.bias", "8", 8},
        {"mlp.w3.weight", "8,8", 64},
        {"mlp.w3.bias", "8", 8},
    };
    golden_file_init(file);
    for (int layer = 0; layer < 2; layer++)
        for (size_t t = 0; t < sizeof tensors / sizeof tensors[0]; t++) {
            char name[64];
            snprintf(name, sizeof name, "layers.%d.%s", layer, tensors[t].name);
            golden_file_add(file, "bidirectional_mamba.", name, tensors[t].shape, tensors[t].n);
        }
    golden_file_add(file, "bidirectional_mamba.", "norm_f.weight", "8", 8);
    golden_file_add(file, "bidirectional_mamba.", "norm_f.bias", "8", 8);
    golden_file_write(file);
}

static void run_golden_blocks(const struct scan_blocks *blocks, const struct ops *ops)
{
    static const struct expectation want = {
        {1.34161348, 0.05204565, -1.51675860, 1.16866488, -0.14454178, -0.98334236},
        -1.59627401,
        2.52559852,
        46.06008052};
    struct error err = {""};
    struct compute compute;
    size_t need = 0;
    float *x = golden("x", G_ROWS * G_WIDTH, 1);
    assert_ok(compute_open(&compute, ops, 1, &err), err);
    assert_ok(scan_blocks_prepare(blocks, &compute, G_ROWS, &need, &err), err);
    assert_ok(compute_reserve(&compute, need, &err), err);
    scan_blocks_run(blocks, &compute, x, G_ROWS);
    assert_output(ops->name, x, G_ROWS * G_WIDTH, &want, 4e-6);
    compute_close(&compute);
    free(x);
}

static void the_blocks_have_the_golden_values_at_every_level(void **state)
{
    (void)state;
    struct card_connector card = {.out_width = G_WIDTH,
                                  .eps = 1e-5,
                                  .blocks = 2,
                                  .inner_width = 16,
                                  .state_size = 4,
                                  .conv_width = 4,
                                  .head_dim = 4};
    struct golden_file file;
    struct scan_blocks blocks;
    struct part part;
    struct error err = {""};
    write_blocks(&file);
    assert_ok(part_open(&part, (const char *[]){file.path, NULL}, "", MATMUL_F32, &err), err);
    assert_ok(scan_blocks_open(&blocks, &card, &part.weights, &err), err);
    for (const struct ops *const *ops = ops_all; *ops; ops++)
        if (ops_runs_here(*ops))
            run_golden_blocks(&blocks, *ops);
    scan_blocks_release(&blocks);
    part_close(&part);
    unlink(file.path);
}

/* ---- rows ---- */

/* Rounding in f32; and in bf16, of the rows' whole length (the products' inputs have 8 bits). */
static const double f32_bound = 3e-6, bf16_bound = 0.02;

static void check_rows(const struct tensor_file *expected, int tail, int n, enum matmul_type type,
                       const struct ops *ops)
{
    struct error err = {""};
    struct bridge bridge;
    char base[64], what[96];
    assert_ok(tiny_open(&bridge, tail, n, type, ops, &err), err);
    int n_out = tails[tail].n_out ? tails[tail].n_out : n;
    assert_int_equal(bridge.connector->n_in, n);
    assert_int_equal(bridge.connector->n_out, n_out);
    size_t values = (size_t)n_out * WIDTH;
    snprintf(base, sizeof base, "rows.%s", tails[tail].name);
    snprintf(what, sizeof what, "%s: %s.%d", ops->name, base, n);
    float *features = tensor_floats(expected, "features", LONGEST * IN_WIDTH);
    float *want = expected_floats(expected, base, n, values), *got = bridge_run(&bridge, features);
    if (type == MATMUL_F32)
        assert_near(what, got, want, values, f32_bound);
    else
        assert_close_on_the_whole(what, got, want, values, bf16_bound);
    free(features), free(want), free(got);
    bridge_close(&bridge);
}

static void rows_are_pytorchs_at_every_level(void **state)
{
    (void)state;
    struct tensor_file *expected = open_expected(MAMBA2_DATA "expected.safetensors");
    for (const struct ops *const *ops = ops_all; *ops; ops++) {
        if (!ops_runs_here(*ops))
            continue;
        assert_borders_are_covered(*ops);
        for (int i = 0; i < N_LENGTHS; i++)
            check_rows(expected, 0, lengths[i], MATMUL_F32, *ops);
        for (int tail = 1; tail < N_TAILS; tail++)
            check_rows(expected, tail, SQUARE_ROWS, MATMUL_F32, *ops);
        check_rows(expected, 3, 1, MATMUL_F32, *ops); /* the tail needs more scratch memory */
    }
    tensor_file_close(expected);
}

static void bf16_rows_are_near(void **state)
{
    (void)state;
    if (!matmul_has(MATMUL_BF16)) {
        printf("[ SKIPPED  ] %s: no bf16 on this CPU\n", __func__);
        skip();
    }
    struct tensor_file *expected = open_expected(MAMBA2_DATA "expected.safetensors");
    for (const struct ops *const *ops = ops_all; *ops; ops++)
        for (int i = 0; ops_runs_here(*ops) && i < N_LENGTHS; i++)
            if (lengths[i] > 1)
                check_rows(expected, 0, lengths[i], MATMUL_BF16, *ops);
    tensor_file_close(expected);
}

static void bits_do_not_depend_on_threads_or_earlier_runs(void **state)
{
    (void)state;
    enum { ROWS = 131 };
    struct card_connector card = larger_card();
    struct error err = {""};
    float *features = golden("x", (size_t)(ROWS * card.in_width), 1), *want = NULL;
    size_t bytes = (size_t)(ROWS * card.out_width) * sizeof *want;
    for (const struct ops *const *ops = ops_all; *ops; ops++) {
        if (!ops_runs_here(*ops))
            continue;
        for (int threads = 1; threads <= 3; threads++) {
            struct bridge bridge;
            assert_ok(bridge_open(&bridge, &card, (const char *[]){NULL}, "", ROWS, MATMUL_F32,
                                  *ops, threads, &err),
                      err);
            float *first = bridge_run(&bridge, features), *second = bridge_run(&bridge, features);
            assert_memory_equal(first, second, bytes);
            if (want)
                assert_memory_equal(first, want, bytes);
            else
                want = second, second = NULL;
            free(first), free(second);
            bridge_close(&bridge);
        }
        free(want);
        want = NULL;
    }
    free(features);
}

/* ---- cards, memory and damage ---- */

static enum status check_card(const struct card_connector *card, struct error *err)
{
    return connector_kind_find("mamba2-scan")->check(card, "model.json: connector", err);
}

static void a_card_is_checked_with_its_tail(void **state)
{
    (void)state;
    const struct connector_kind *kind = connector_kind_find("mamba2-scan");
    struct error err = {""};
    for (int tail = 0; tail < N_TAILS; tail++) {
        struct card_connector card = tiny_card(tail);
        assert_ok(check_card(&card, &err), err);
        assert_int_equal(kind->rows(&card, SQUARE_ROWS),
                         tails[tail].n_out ? tails[tail].n_out : SQUARE_ROWS);
        card.hidden_width = 0;
        assert_int_equal(check_card(&card, &err),
                         tails[tail].hidden_width ? STATUS_BAD_FORMAT : STATUS_OK);
    }
    assert_contains(err.text, "model.json: connector: \"hidden_width\" is 0");
    struct card_connector card = tiny_card(0);
    card.head_dim = 7;
    assert_int_equal(check_card(&card, &err), STATUS_MISMATCH);
    assert_contains(err.text, "\"inner_width\" 24 is not a multiple of \"head_dim\" 7");
    static const char *const strange[] = {"mamba2-scan", "perceiver", NULL};
    for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++) {
        card = tiny_card(0);
        card.tail = strange[i];
        assert_int_equal(check_card(&card, &err), STATUS_UNSUPPORTED);
        assert_contains(err.text, strange[i] ? strange[i] : "''");
        assert_int_equal(kind->rows(&card, SQUARE_ROWS), 0);
    }
    card = tiny_card(3);
    assert_int_equal(kind->rows(&card, SQUARE_ROWS + 1), 0); /* pooling needs a square */
}

/* Opens and closes; the status. */
static enum status try_open(const struct card_connector *card, const char *blocks_path,
                            const char *tail_path, const char *prefix, struct error *err)
{
    struct bridge bridge;
    const char *paths[] = {blocks_path, tail_path, NULL};
    const struct ops *ops;
    assert_ok(ops_find(&ops, NULL, err), *err);
    enum status status =
        bridge_open(&bridge, card, paths, prefix, SQUARE_ROWS, MATMUL_F32, ops, 1, err);
    bridge_close(&bridge);
    return status;
}

static void check_missing(const char *path, int tail, bool is_tail)
{
    struct tensor_file *file = open_expected(path);
    struct card_connector card = tiny_card(tail);
    assert_true(file->n_tensors > 0);
    for (size_t i = 0; i < file->n_tensors; i++) {
        struct error err = {""};
        char damaged[32];
        write_without(path, file->tensors[i].name, damaged);
        assert_int_equal(try_open(&card, is_tail ? CONNECTOR : damaged,
                                  is_tail ? damaged : tails[tail].path, "", &err),
                         STATUS_NOT_FOUND);
        assert_contains(err.text, file->tensors[i].name);
        unlink(damaged);
    }
    tensor_file_close(file);
}

static void every_missing_tensor_is_named(void **state)
{
    (void)state;
    check_missing(CONNECTOR, 0, false);
    for (int tail = 0; tail < N_TAILS; tail++)
        check_missing(tails[tail].path, tail, true);
    struct card_connector card = tiny_card(0);
    struct error err = {""};
    assert_int_equal(try_open(&card, CONNECTOR, tails[0].path, "model.", &err), STATUS_NOT_FOUND);
    assert_contains(err.text, "model.mlp.0.weight");
}

static void a_card_that_does_not_fit_is_refused_by_tensor(void **state)
{
    (void)state;
    static const struct {
        size_t member;
        int value;
        const char *tensor, *have, *want;
    } cases[] = {
        {offsetof(struct card_connector, in_width), 11, "mlp.0.weight", "[12, 10]", "[12, 11]"},
        {offsetof(struct card_connector, inner_width), 30, "layers.0.mixer.in_proj.weight",
         "[72, 12]", "[85, 12]"},
        {offsetof(struct card_connector, state_size), 9, "layers.0.mixer.in_proj.weight",
         "[72, 12]", "[70, 12]"},
        {offsetof(struct card_connector, conv_width), 3, "layers.0.mixer.conv1d.weight",
         "[44, 1, 4]", "[44, 3]"},
        {offsetof(struct card_connector, hidden_width), 21, "projector.projector.0.weight",
         "[20, 12]", "[21, 12]"},
    };
    struct error err = {""};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct card_connector card = tiny_card(0);
        memcpy((char *)&card + cases[i].member, &cases[i].value, sizeof cases[i].value);
        assert_int_equal(try_open(&card, CONNECTOR, tails[0].path, "", &err), STATUS_MISMATCH);
        assert_contains(err.text, cases[i].tensor);
        assert_contains(err.text, cases[i].have);
        assert_contains(err.text, cases[i].want);
    }
    struct card_connector card = tiny_card(0);
    card.blocks = 3;
    assert_int_equal(try_open(&card, CONNECTOR, tails[0].path, "", &err), STATUS_NOT_FOUND);
    assert_contains(err.text, "bidirectional_mamba.layers.2.mixer.in_proj.weight");
}

/* Opens and closes; what was counted, which must be what the files hold. */
static size_t count_bytes(int tail, bool counting)
{
    const struct connector_kind *kind = connector_kind_find("mamba2-scan");
    struct card_connector card = tiny_card(tail);
    struct part part;
    struct connector *connector;
    struct error err = {""};
    size_t in_files = 0;
    const char *paths[] = {CONNECTOR, tails[tail].path, NULL};
    assert_ok(part_open(&part, paths, "", MATMUL_F32, &err), err);
    part.weights.counting = counting;
    assert_ok(kind->open(&connector, kind, &card, SQUARE_ROWS, &part.weights, &err), err);
    connector->kind->close(connector);
    for (size_t f = 0; f < part.files.n_files; f++)
        for (size_t i = 0; i < part.files.files[f]->n_tensors; i++)
            in_files += tensor_elements(&part.files.files[f]->tensors[i]);
    assert_int_equal(part.weights.parameters, in_files);
    assert_ptr_equal(part.weights.part, &part.card);
    size_t bytes = part.weights.packed_bytes;
    part_close(&part);
    return bytes;
}

static void the_tail_is_counted_too(void **state)
{
    (void)state;
    for (int tail = 0; tail < N_TAILS; tail++)
        count_bytes(tail, true);
    assert_true(count_bytes(0, false) > count_bytes(1, false)); /* three linears, and one */
}

static void every_failed_allocation_is_told(void **state)
{
    (void)state;
    const struct ops *ops;
    struct error err = {""};
    assert_ok(ops_find(&ops, NULL, &err), err);
    for (int tail = 0; tail < N_TAILS; tail++) {
        long n = 1;
        for (int struck = 1; struck; n++) {
            struct bridge bridge;
            err.text[0] = '\0';
            fail_allocation(n);
            enum status status = tiny_open(&bridge, tail, SQUARE_ROWS, MATMUL_F32, ops, &err);
            struck = allocation_has_failed();
            fail_allocation(0);
            bridge_close(&bridge);
            assert_int_equal(status, struck ? STATUS_NO_MEMORY : STATUS_OK);
            assert_int_equal(err.text[0] != '\0', struck);
            assert_true(n < 2000);
        }
        assert_true(n > 50);
    }
}

/* ---- the shared checkpoint ---- */

enum { F_WIDTH = 48, F_FEATURES = 76, F_ROWS = 49 };

static struct card_connector fixture_card(void)
{
    return (struct card_connector){.kind = "mamba2-scan",
                                   .in_width = F_FEATURES,
                                   .out_width = F_WIDTH,
                                   .hidden_width = 192,
                                   .eps = 1e-5,
                                   .tail = "fused-gelu-mlp",
                                   .blocks = 2,
                                   .inner_width = 96,
                                   .state_size = 16,
                                   .conv_width = 4,
                                   .head_dim = 8};
}

/* The blocks alone, on what stands in front of them in the reference. */
static void check_fixture_blocks(struct part *part, const struct tensor_file *reference,
                                 const struct ops *ops)
{
    struct card_connector card = fixture_card();
    struct error err = {""};
    struct compute compute;
    struct scan_blocks blocks;
    size_t need = 0, values = F_ROWS * F_WIDTH;
    float *x = tensor_floats(reference, "connector.mlp", values);
    float *want = tensor_floats(reference, "connector.msc", values);
    float *padded = calloc(64 * F_WIDTH, sizeof *padded);
    assert_non_null(padded);
    memcpy(padded, x, values * sizeof *x);
    assert_ok(scan_blocks_open(&blocks, &card, &part->weights, &err), err);
    assert_ok(compute_open(&compute, ops, 1, &err), err);
    assert_ok(scan_blocks_prepare(&blocks, &compute, F_ROWS, &need, &err), err);
    assert_ok(compute_reserve(&compute, need, &err), err);
    scan_blocks_run(&blocks, &compute, padded, F_ROWS);
    assert_near(ops->name, padded, want, values, f32_bound);
    compute_close(&compute);
    scan_blocks_release(&blocks);
    free(x), free(want), free(padded);
}

static void the_shared_checkpoint_gives_the_reference_rows(void **state)
{
    (void)state;
    char path[512], checkpoint[512];
    const char *shared = shared_or_skip(__func__);
    if (!shared)
        skip();
    snprintf(path, sizeof path, "%s/fixtures/ml-mamba/reference.safetensors", shared);
    snprintf(checkpoint, sizeof checkpoint, "%s/fixtures/ml-mamba/checkpoints/latest-checkpoint.pt",
             shared);
    struct tensor_file *reference = open_expected(path);
    struct card_connector card = fixture_card();
    float *features = tensor_floats(reference, "vision.features", F_ROWS * F_FEATURES);
    float *want = tensor_floats(reference, "connector.output", F_ROWS * F_WIDTH);
    const char *paths[] = {checkpoint, NULL};
    for (const struct ops *const *ops = ops_all; *ops; ops++) {
        struct error err = {""};
        struct bridge bridge;
        if (!ops_runs_here(*ops))
            continue;
        assert_ok(bridge_open(&bridge, &card, paths, "model.", F_ROWS, MATMUL_F32, *ops, 1, &err),
                  err);
        float *got = bridge_run(&bridge, features);
        assert_near((*ops)->name, got, want, F_ROWS * F_WIDTH, f32_bound);
        check_fixture_blocks(&bridge.part, reference, *ops);
        free(got);
        bridge_close(&bridge);
    }
    free(features), free(want);
    tensor_file_close(reference);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_blocks_have_the_golden_values_at_every_level),
        cmocka_unit_test(rows_are_pytorchs_at_every_level),
        cmocka_unit_test(bf16_rows_are_near),
        cmocka_unit_test(bits_do_not_depend_on_threads_or_earlier_runs),
        cmocka_unit_test(a_card_is_checked_with_its_tail),
        cmocka_unit_test(every_missing_tensor_is_named),
        cmocka_unit_test(a_card_that_does_not_fit_is_refused_by_tensor),
        cmocka_unit_test(the_tail_is_counted_too),
        cmocka_unit_test(every_failed_allocation_is_told),
        cmocka_unit_test(the_shared_checkpoint_gives_the_reference_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
