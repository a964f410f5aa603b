/* tests/test_connectors.c - projectors against PyTorch, torchvision and timm in float. */
#include "tests/vision_parts.h"

#include "engine/connectors/connector.h"

/* Of the largest value.  bf16: matrices and what they multiply are rounded to 8 bits. */
#define F32_BOUND 2e-5
#define BF16_BOUND 0.015

static const struct tiny {
    const char *kind, *prefix;
    int n_in, n_out;
    struct card_connector card;
} tinies[] = {
    {"linear", "linear.", 10, 10, {.in_width = 24, .out_width = 20}},
    {"gelu-mlp", "gelu-mlp.", 10, 10, {.in_width = 24, .out_width = 20, .hidden_width = 16}},
    {"fused-gelu-mlp",
     "fused-gelu-mlp.",
     10,
     10,
     {.in_width = 24, .out_width = 20, .hidden_width = 16}},
    {"fused-ldpnet",
     "fused-ldpnet.",
     17 * 17,
     14 * 14,
     {.in_width = 24, .out_width = 16, .hidden_width = 20}},
    /* A quarter of 40 is no multiple of 8: torchvision squeezes to 16. */
    {"ldpnet", "ldpnet.model.", 7 * 7, 4 * 4, {.in_width = 24, .out_width = 40, .eps = 1e-5}},
    {"ldpnetv2",
     "ldpnetv2.",
     25 * 25,
     12 * 12,
     {.in_width = 24, .out_width = 16, .hidden_width = 20}},
};
enum { N_TINY = sizeof tinies / sizeof tinies[0], FUSED = 2, LDP = 4, LDPV2 = 5 };

static enum status open_connector(struct connector **out, const char *name,
                                  const struct card_connector *card, int n_in, struct part *part,
                                  struct error *err)
{
    const struct connector_kind *kind = connector_kind_find(name);
    assert_non_null(kind);
    return kind->open(out, kind, card, n_in, &part->weights, err);
}

static size_t n_rows_out(const struct connector *connector)
{
    return (size_t)connector->n_out * (size_t)connector->out_width;
}

/* Rows by these kernels, freed by the caller; nothing is allocated while they are computed. */
static float *compute_rows(const struct connector *connector, const struct ops *ops,
                           const float *features)
{
    struct compute compute;
    struct error err = {""};
    size_t need = 0;
    float *rows = malloc(n_rows_out(connector) * sizeof *rows);
    assert_non_null(rows);
    assert_ok(compute_open(&compute, ops, 2, &err), err);
    assert_ok(connector->kind->prepare(connector, &compute, &need, &err), err);
    assert_ok(compute_reserve(&compute, need, &err), err);
    compute_use_threads(&compute);
    fail_allocation(1);
    connector->kind->run(connector, &compute, features, rows);
    int struck = allocation_has_failed();
    fail_allocation(0);
    assert_false(struck);
    assert_int_equal(compute.taken_floats, 0);
    assert_false(matmul_failed(compute.matmul));
    compute_close(&compute);
    return rows;
}

static void projectors_agree_with_pytorch_at_every_level(void **state)
{
    (void)state;
    for (const struct tiny *tiny = tinies; tiny < tinies + N_TINY; tiny++) {
        struct part part;
        struct connector *connector;
        struct error err = {"untouched"};
        part_open_tiny(&part, tiny->prefix, MATMUL_F32);
        assert_ok(open_connector(&connector, tiny->kind, &tiny->card, tiny->n_in, &part, &err),
                  err);
        assert_string_equal(err.text, "untouched");
        assert_int_equal(connector->n_in, tiny->n_in);
        assert_int_equal(connector->n_out, tiny->n_out);
        assert_int_equal(connector->in_width, tiny->card.in_width);
        assert_int_equal(connector->out_width, tiny->card.out_width);
        size_t n = n_rows_out(connector);
        float *features = noise((size_t)tiny->n_in * (size_t)tiny->card.in_width);
        float *want = expected_tensor(tiny->kind, n);
        for (const struct ops *const *ops = ops_all; *ops; ops++) {
            if (!ops_runs_here(*ops))
                continue;
            float *rows = compute_rows(connector, *ops, features);
            assert_close(tiny->kind, (*ops)->name, rows, want, n, F32_BOUND);
            free(rows);
        }
        free(features), free(want);
        connector->kind->close(connector);
        part_close(&part);
    }
}

/* How far the rows of this card are from those of the reference. */
static double distance_of(const struct tiny *tiny, const char *kind,
                          const struct card_connector *card, enum matmul_type type)
{
    struct part part;
    struct connector *connector;
    struct error err = {""};
    const struct ops *ops;
    part_open_tiny(&part, tiny->prefix, type);
    assert_ok(ops_find(&ops, NULL, &err), err);
    assert_ok(open_connector(&connector, kind, card, tiny->n_in, &part, &err), err);
    float *features = noise((size_t)tiny->n_in * (size_t)card->in_width);
    float *rows = compute_rows(connector, ops, features);
    float *want = expected_tensor(tiny->kind, n_rows_out(connector));
    double apart = distance(rows, want, n_rows_out(connector));
    free(features), free(rows), free(want);
    connector->kind->close(connector);
    part_close(&part);
    return apart;
}

static void bf16_stays_within_its_bound(void **state)
{
    (void)state;
    if (!matmul_has(MATMUL_BF16)) {
        printf("[ SKIPPED  ] bf16_stays_within_its_bound: this CPU has no bf16 products\n");
        skip();
    }
    for (const struct tiny *tiny = tinies; tiny < tinies + N_TINY; tiny++) {
        double apart = distance_of(tiny, tiny->kind, &tiny->card, MATMUL_BF16);
        if (!(apart <= BF16_BOUND && apart > F32_BOUND))
            fail_msg("%s: %.3g of the largest value apart", tiny->kind, apart);
    }
}

/* What the bound would let through if it were too wide. */
static void a_wrong_epsilon_shows(void **state)
{
    (void)state;
    struct card_connector card = tinies[LDP].card;
    card.eps = 1e-6;
    assert_true(distance_of(&tinies[LDP], "ldpnet", &card, MATMUL_F32) > 3 * F32_BOUND);
}

static void each_kind_tells_how_many_rows_come_out(void **state)
{
    (void)state;
    static const struct {
        const char *kind;
        int n_in, n_out;
    } cases[] = {
        {"linear", 7, 7},           {"gelu-mlp", 728, 728},   {"fused-gelu-mlp", 729, 729},
        {"fused-ldpnet", 729, 196}, {"fused-ldpnet", 728, 0}, {"fused-ldpnet", 4, 196},
        {"ldpnet", 576, 144},       {"ldpnet", 729, 196},     {"ldpnet", 1, 1},
        {"ldpnet", 575, 0},         {"ldpnetv2", 576, 144},   {"ldpnetv2", 1, 144},
        {"ldpnetv2", 577, 0},
    };
    const struct card_connector card = {.in_width = 8, .hidden_width = 8, .out_width = 8};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct connector_kind *kind = connector_kind_find(cases[i].kind);
        assert_non_null(kind);
        assert_int_equal(kind->rows(&card, cases[i].n_in), cases[i].n_out);
    }
}

static void each_kind_names_the_members_it_needs(void **state)
{
    (void)state;
    static const struct {
        const char *kind, *key;
        size_t offset;
    } cases[] = {
        {"linear", NULL, 0},
        {"gelu-mlp", "hidden_width", offsetof(struct card_connector, hidden_width)},
        {"fused-gelu-mlp", "hidden_width", offsetof(struct card_connector, hidden_width)},
        {"fused-ldpnet", "hidden_width", offsetof(struct card_connector, hidden_width)},
        {"ldpnet", "eps", offsetof(struct card_connector, eps)},
        {"ldpnetv2", "hidden_width", offsetof(struct card_connector, hidden_width)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct card_key *keys = connector_kind_find(cases[i].kind)->keys;
        if (!cases[i].key) {
            assert_null(keys[0].name);
            continue;
        }
        assert_string_equal(keys[0].name, cases[i].key);
        assert_int_equal(keys[0].offset, cases[i].offset);
        assert_true(keys[0].low > 0 && keys[0].low < keys[0].high);
        assert_null(keys[1].name);
    }
}

static void counting_reads_no_values_and_counts_every_one(void **state)
{
    (void)state;
    for (const struct tiny *tiny = tinies; tiny < tinies + N_TINY; tiny++) {
        struct part part;
        struct connector *connector;
        struct error err = {""};
        size_t parameters[2], bytes[2];
        part_open_tiny(&part, tiny->prefix, MATMUL_F32);
        for (int counting = 0; counting < 2; counting++) {
            part.weights.counting = counting;
            assert_ok(open_connector(&connector, tiny->kind, &tiny->card, tiny->n_in, &part, &err),
                      err);
            connector->kind->close(connector);
            parameters[counting] = part.weights.parameters;
            bytes[counting] = part.weights.packed_bytes;
            part_reset(&part);
        }
        assert_int_equal(parameters[1], count_parameters(&part, NULL));
        assert_int_equal(parameters[1], parameters[0]);
        assert_true(bytes[1] < bytes[0] / 2);
        part_close(&part);
    }
}

static void projectors_open_with_random_weights(void **state)
{
    (void)state;
    for (const struct tiny *tiny = tinies; tiny < tinies + N_TINY; tiny++) {
        struct part part;
        struct connector *connector;
        struct error err = {""};
        part_open_tiny(&part, tiny->prefix, MATMUL_F32);
        part.weights.files = NULL;
        part.weights.seed = 3;
        assert_ok(open_connector(&connector, tiny->kind, &tiny->card, tiny->n_in, &part, &err),
                  err);
        float *features = noise((size_t)tiny->n_in * (size_t)tiny->card.in_width);
        float *rows = compute_rows(connector, ops_all[0], features);
        double sum = 0;
        for (size_t i = 0; i < n_rows_out(connector); i++)
            sum += fabs((double)rows[i]);
        assert_true(isfinite(sum) && sum > 0);
        free(features), free(rows);
        connector->kind->close(connector);
        part_close(&part);
    }
}

static void assert_refused(const struct tiny *tiny, const char *kind,
                           const struct card_connector *card, int n_in, enum status expected,
                           const char *first, const char *second)
{
    struct part part;
    struct connector *connector = NULL;
    struct error err = {""};
    part_open_tiny(&part, tiny->prefix, MATMUL_F32);
    assert_int_equal(open_connector(&connector, kind, card, n_in, &part, &err), expected);
    assert_null(connector);
    assert_contains(err.text, first);
    assert_contains(err.text, second);
    part_close(&part);
}

static void patches_that_are_no_square_are_refused_by_name(void **state)
{
    (void)state;
    for (int i = FUSED + 1; i < N_TINY; i++)
        assert_refused(&tinies[i], tinies[i].kind, &tinies[i].card, 48, STATUS_MISMATCH,
                       tinies[i].kind, "square of patches, not 48");
}

static void missing_and_misshapen_tensors_are_named(void **state)
{
    (void)state;
    struct card_connector card = tinies[1].card;
    assert_refused(&tinies[1], "fused-gelu-mlp", &card, 9, STATUS_NOT_FOUND, "weights.safetensors",
                   "gelu-mlp.4.weight");
    assert_refused(&tinies[1], "linear", &card, 9, STATUS_NOT_FOUND, "weights.safetensors",
                   "gelu-mlp.weight");
    card.hidden_width = 17;
    assert_refused(&tinies[1], "gelu-mlp", &card, 9, STATUS_MISMATCH, "gelu-mlp.0.weight",
                   "[17, 24]");
    card = tinies[LDP].card;
    assert_refused(&tinies[LDP], "gelu-mlp", &tinies[1].card, 9, STATUS_NOT_FOUND,
                   "ldpnet.model.0.weight", "missing");
    card.out_width = 32;
    assert_refused(&tinies[LDP], "ldpnet", &card, 9, STATUS_MISMATCH, "ldpnet.model.mlp.1.weight",
                   "[32, 24]");
    card = tinies[LDPV2].card;
    assert_refused(&tinies[LDPV2], "fused-ldpnet", &card, 9, STATUS_NOT_FOUND, "ldpnetv2.0.weight",
                   "missing");
    assert_refused(&tinies[1], "fused-ldpnet", &tinies[1].card, 9, STATUS_NOT_FOUND,
                   "gelu-mlp.4.peg.0.weight", "missing");
}

static void a_projector_without_memory_says_so_and_leaks_nothing(void **state)
{
    (void)state;
    for (const struct tiny *tiny = tinies; tiny < tinies + N_TINY; tiny++) {
        struct part part;
        part_open_tiny(&part, tiny->prefix, MATMUL_F32);
        long n = 1;
        for (int struck = 1; struck; n++) {
            struct connector *connector = NULL;
            struct compute compute = {0};
            struct error err = {""};
            size_t need = 0;
            fail_allocation(n);
            enum status status =
                open_connector(&connector, tiny->kind, &tiny->card, tiny->n_in, &part, &err);
            if (!status)
                status = compute_open(&compute, ops_all[0], 1, &err);
            if (!status)
                status = connector->kind->prepare(connector, &compute, &need, &err);
            struck = allocation_has_failed();
            fail_allocation(0);
            assert_int_equal(status, struck ? STATUS_NO_MEMORY : STATUS_OK);
            assert_int_equal(err.text[0] != '\0', struck);
            if (compute.matmul)
                compute_close(&compute);
            if (connector)
                connector->kind->close(connector);
            part_reset(&part);
        }
        assert_true(n > 5);
        part_close(&part);
    }
}

/* The projectors of the shared fixtures, and where their official names begin. */
static const struct fixture {
    const char *name, *kind, *prefix;
    const char *files[3];
    const char *reference; /* whose reference.safetensors */
} fixtures[] = {
    {"llava-1.5",
     "gelu-mlp",
     "model.mm_projector.",
     {"pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"},
     "llava-1.5"},
    {"llava-phi",
     "gelu-mlp",
     "model.mm_projector.",
     {"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"},
     "llava-phi"},
    {"llava-phi-fused", "gelu-mlp", "model.mm_projector.", {"model.safetensors"}, "llava-phi"},
    {"tinyllava-legacy",
     "gelu-mlp",
     "model.mm_projector.",
     {"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"},
     "tinyllava-legacy"},
    {"tinyllava-factory",
     "gelu-mlp",
     "_connector.",
     {"connector/pytorch_model.bin"},
     "tinyllava-factory"},
    {"tinyllava-factory-merged",
     "gelu-mlp",
     "connector._connector.",
     {"model.safetensors"},
     "tinyllava-factory-merged"},
    {"mobilevlm-v1", "ldpnet", "model.mm_projector.model.", {"pytorch_model.bin"}, "mobilevlm-v1"},
    {"mobilevlm-v2", "ldpnetv2", "model.mm_projector.", {"pytorch_model.bin"}, "mobilevlm-v2"},
    {"cobra",
     "fused-gelu-mlp",
     "model.projector.projector.",
     {"checkpoints/latest-checkpoint.pt"},
     "cobra"},
    {"cobra-siglip",
     "gelu-mlp",
     "model.projector.projector.",
     {"checkpoints/latest-checkpoint.pt"},
     "cobra-siglip"},
    {"cobra-ldpnet",
     "fused-ldpnet",
     "model.projector.projector.",
     {"checkpoints/latest-checkpoint.pt"},
     "cobra-ldpnet"},
};
enum { N_FIXTURES = sizeof fixtures / sizeof fixtures[0] };

/* The first linear tells the width inside, which no fixture names. */
static int first_width(const struct part *part)
{
    static const char *const names[] = {"0.weight", "mlp.1.weight", "mlp.mlp.0.weight"};
    for (size_t f = 0; f < part->files.n_files; f++)
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            char name[128];
            snprintf(name, sizeof name, "%s%s", part->where.prefix, names[i]);
            const struct tensor_view *tensor = tensor_file_find(part->files.files[f], name);
            if (tensor)
                return (int)tensor->shape[0];
        }
    fail_msg("%s: no first linear", part->where.prefix);
    return 0;
}

static void check_fixture(const char *shared, const struct fixture *fixture)
{
    char folder[2048], reference[4096];
    struct part part;
    struct connector *connector;
    struct error err = {""};
    snprintf(folder, sizeof folder, "%s/fixtures/%s", shared, fixture->name);
    snprintf(reference, sizeof reference, "%s/fixtures/%s/reference.safetensors", shared,
             fixture->reference);
    cJSON *root = read_reference(folder);
    const cJSON *hparams = json_find(json_find(root, "hparams"), "connector");
    const cJSON *shape = json_find(json_find(json_find(root, "vision"), "features"), "shape");
    part_open(&part, folder, fixture->files, fixture->prefix, MATMUL_F32);
    struct card_connector card = {.in_width = json_int_or(hparams, "in", -1),
                                  .out_width = json_int_or(hparams, "out", -1),
                                  .hidden_width = first_width(&part),
                                  .eps = json_number_or(hparams, "layer_norm_eps", NAN)};
    int n_in = (int)cJSON_GetNumberValue(cJSON_GetArrayItem(shape, 0));
    assert_ok(open_connector(&connector, fixture->kind, &card, n_in, &part, &err), err);
    size_t n = n_rows_out(connector);
    float *features =
        read_tensor(reference, "vision.features", (size_t)n_in * (size_t)card.in_width);
    float *want = read_tensor(reference, "connector.output", n);
    for (const struct ops *const *ops = ops_all; *ops; ops++) {
        if (!ops_runs_here(*ops))
            continue;
        float *rows = compute_rows(connector, *ops, features);
        assert_close(fixture->name, (*ops)->name, rows, want, n, F32_BOUND);
        free(rows);
    }
    free(features), free(want);
    connector->kind->close(connector);
    part_close(&part);
    cJSON_Delete(root);
}

static void the_shared_fixtures_give_their_rows(void **state)
{
    (void)state;
    const char *shared = shared_or_skip("the_shared_fixtures_give_their_rows");
    if (!shared)
        skip();
    for (int i = 0; i < N_FIXTURES; i++)
        check_fixture(shared, &fixtures[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(projectors_agree_with_pytorch_at_every_level),
        cmocka_unit_test(bf16_stays_within_its_bound),
        cmocka_unit_test(a_wrong_epsilon_shows),
        cmocka_unit_test(each_kind_tells_how_many_rows_come_out),
        cmocka_unit_test(each_kind_names_the_members_it_needs),
        cmocka_unit_test(counting_reads_no_values_and_counts_every_one),
        cmocka_unit_test(projectors_open_with_random_weights),
        cmocka_unit_test(patches_that_are_no_square_are_refused_by_name),
        cmocka_unit_test(missing_and_misshapen_tensors_are_named),
        cmocka_unit_test(a_projector_without_memory_says_so_and_leaks_nothing),
        cmocka_unit_test(the_shared_fixtures_give_their_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
