/* tests/test_preprocess.c - resize strategies and normalisation against torchvision's and
 * Transformers' results. */
#include "tests/check.h"

#include "engine/base/float16.h"
#include "engine/base/json.h"
#include "engine/base/sha256.h"
#include "engine/image/decode.h"
#include "engine/image/preprocess.h"

#include <math.h>

#define DATA "tests/data/image/"

static const struct preprocess imagenet = {.size = 384,
                                           .strategy = RESIZE_NAIVE,
                                           .rescale = RESCALE_TORCHVISION,
                                           .mean = {0.485f, 0.456f, 0.406f},
                                           .std = {0.229f, 0.224f, 0.225f}};

/* (7x + 13y + 29c + 5 (xy mod 11)) mod 256. */
static struct image generated(int width, int height)
{
    struct image image = {malloc((size_t)width * (size_t)height * 3), width, height};
    assert_non_null(image.pixels);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < 3; c++)
                image_row(&image, y)[3 * x + c] =
                    (unsigned char)((7 * x + 13 * y + 29 * c + 5 * ((x * y) % 11)) % 256);
    return image;
}

static void assert_digest(const struct image *image, const char *expected, const char *what)
{
    struct sha256_text digest =
        sha256_bytes(image->pixels, (size_t)image->width * (size_t)image->height * 3);
    if (strcmp(digest.hex, expected) != 0)
        fail_msg("%s: SHA-256 is %s, expected %s", what, digest.hex, expected);
}

static void assert_near(double value, double expected, double tolerance, const char *what)
{
    if (!(fabs(value - expected) <= tolerance))
        fail_msg("%s is %.10g, expected %.10g", what, value, expected);
}

/* The generator's 640 x 480 to 384 x 384, torchvision's floats. */
static void the_golden_tensor_is_torchvisions(void **state)
{
    (void)state;
    struct image in = generated(640, 480), resized;
    struct error err;
    assert_ok(preprocess_resize(&imagenet, &in, &resized, &err), err);
    const size_t plane = 384 * 384, place = 200 * 384 + 123;
    float *tensor = malloc(3 * plane * sizeof *tensor);
    assert_non_null(tensor);
    preprocess_normalise(&imagenet, &resized, tensor);
    double sum = 0;
    for (size_t i = 0; i < 3 * plane; i++)
        sum += (double)tensor[i];
    assert_near(sum, 100276.98858916, 1e-8, "the sum");
    static const double first[3] = {-2.04940486, -1.45798302, -0.72383440};
    static const double inner[3] = {-0.30268008, 0.32773119, 1.05394352};
    for (size_t c = 0; c < 3; c++) {
        assert_near((double)tensor[c * plane], first[c], 6e-9, "pixel (0, 0)");
        assert_near((double)tensor[c * plane + place], inner[c], 6e-9, "pixel (200, 123)");
    }
    free(tensor);
    image_release(&resized);
    image_release(&in);
}

static void each_strategy_of_cobra_gives_the_bytes_of_its_reference(void **state)
{
    (void)state;
    enum { COBRAS = RESIZE_LETTERBOX + 1 };
    static const char *const keys[COBRAS] = {[RESIZE_NAIVE] = "naive_sha256",
                                             [RESIZE_CROP] = "crop_sha256",
                                             [RESIZE_LETTERBOX] = "letterbox_sha256"};
    cJSON *root;
    struct error err;
    assert_ok(json_read(&root, DATA "expected.json", &err), err);
    struct preprocess how = imagenet;
    how.size = json_int_or(root, "size", -1);
    const cJSON *entry;
    int n = 0;
    cJSON_ArrayForEach(entry, json_find(root, "images"))
    {
        if (!json_find(entry, "rgb_sha256"))
            continue;
        char path[256], what[512];
        snprintf(path, sizeof path, DATA "%s", json_string_or(entry, "file", "?"));
        struct image image, resized;
        assert_ok(image_read(&image, path, NULL, &err), err);
        for (int strategy = 0; strategy < COBRAS; strategy++) {
            how.strategy = (enum resize_strategy)strategy;
            snprintf(what, sizeof what, "%s, %s", path, resize_strategy_name(how.strategy));
            assert_ok(preprocess_resize(&how, &image, &resized, &err), err);
            assert_int_equal(resized.width, how.size);
            assert_int_equal(resized.height, how.size);
            assert_digest(&resized, json_string_or(entry, keys[strategy], ""), what);
            image_release(&resized);
        }
        image_release(&image);
        n += 1;
    }
    assert_true(n >= 50);
    cJSON_Delete(root);
}

/* SHA-256 of what torchvision makes of the generator's pictures with Pillow 12.0.0; odd and even
 * differences of sides, and surpluses whose half is rounded up and down to the even number. */
static void crop_and_letterbox_round_as_python_does(void **state)
{
    (void)state;
    static const struct {
        int width, height, size;
        const char *crop, *letterbox;
    } cases[] = {
        {97, 61, 62, "0640bd62762338ae00b614c25f98a379cdc69512f1beb9830da3f1bda9a7b651",
         "bd0a857e8f25257368d02aabd76b9c7cff6bbe4bc057d0f237f2242b0569f49f"},
        {61, 97, 62, "d3568e93247806950a1917ebcf5343015428412c9d5d02c2308aef9c86b64f75",
         "35d57f98b323a5e1f9131f41c5c998e6a48b2f98692508019b2d1565c7955f7f"},
        {100, 61, 62, "44b199a78882662f53c2df18eb8f68dff55c9ff08716acfba5defb55a36a09f4",
         "6c0d7e96441847a8533c5f77954a74ed2557bfac2af178ab4bb88e084544edd9"},
        {64, 67, 62, "ecb9aac9700a8576ff9a4c70bcd8c6b3ae8ffe316c357027935cf59507aa59ef",
         "a722950d265abf2c5a4dc865b0a24edd21204aeb320b3e181d288c7306093b93"},
        {67, 64, 62, "51e74f4fddd58f8f61688c452a22099d04ce8d17abd7f19505579ce9abc7b787",
         "9e68722cb7514387f0b4350a33520abec232e46d6490377546f35783e60daa43"},
        {65, 62, 62, "904b22f5939d908b531b058a74a20c5440a95e2f0507ccd2b14f2f7fec07122d",
         "37cd2dcd9643eed7fe03ee28af357e4a1692b1fce09b9766b825bb0b7b492fdf"},
        {62, 67, 62, "3150c73f19a0a1ee2b1dd3f1b6936259d867a4f972f64f2cf914a659864b5b3e",
         "f9c1524b0456434ed3aac55bd9fa59a7ef7114d0dc6d1610ca9fb58fd21754d8"},
        {62, 69, 62, "6a117fc5f1985f45c33da046c9d4447d823eee87677bd9679847b120de219dbb",
         "0e3dd338ce8103277577228f79afa4c772e32f5657dd2610c629de53f8388587"},
        {69, 62, 62, "463fe08de5f79e7ec70e935b2eca56b0ed40d4dd5c7cd52b45e912332d5127d1",
         "6c27262fca0eebaf1442e83ca9d3659797206e26343ea4b1ff6aed31a4c60fe7"},
        {300, 200, 384, "42da0d39e3554d73c9693eb76634227df2e32a3298a77eb5973856df22668874",
         "160d63849dbabb89d145036840afab6e2f28f1c0495b248a88011642b2a614c5"},
        {201, 133, 224, "6308e5a3b4a0a48ab8356172a398b89e223c5f22c2ecd60c17ace4582979f6a3",
         "fc9abcf3e4f6ee221bc224c6521adc6c863e0343561122cbfc06406598019a72"},
        {3, 4, 7, "50c49bda79d77097771a6abce88d3ace3320d54eb2f650c06646760f4328d319",
         "50c49bda79d77097771a6abce88d3ace3320d54eb2f650c06646760f4328d319"},
        {1, 1, 5, "e6913788e39f9d47a5ee922452ae6ea8d276f7cea8744367316e7720ded7584c",
         "e6913788e39f9d47a5ee922452ae6ea8d276f7cea8744367316e7720ded7584c"},
        {640, 427, 384, "5a7e2acd42f1b5def94aa8cc53daa98f5ac51597f5ecf86df9faa003388e2d42",
         "34e657969f12f77c680f574b1eb71d64b86e15c922bf9471195b687fc655682d"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct image in = generated(cases[i].width, cases[i].height), out;
        struct preprocess how = imagenet;
        struct error err;
        char what[96];
        how.size = cases[i].size;
        for (int letterbox = 0; letterbox < 2; letterbox++) {
            how.strategy = letterbox ? RESIZE_LETTERBOX : RESIZE_CROP;
            snprintf(what, sizeof what, "%d x %d to %d, %s", in.width, in.height, how.size,
                     resize_strategy_name(how.strategy));
            assert_ok(preprocess_resize(&how, &in, &out, &err), err);
            assert_digest(&out, letterbox ? cases[i].letterbox : cases[i].crop, what);
            image_release(&out);
        }
        image_release(&in);
    }
}

static void read_three(const cJSON *object, const char *key, float out[3])
{
    const cJSON *values = json_find(object, key);
    assert_int_equal(cJSON_GetArraySize(values), 3);
    for (int c = 0; c < 3; c++)
        out[c] = (float)cJSON_GetNumberValue(cJSON_GetArrayItem(values, c));
}

static void assert_tensor_digest(const struct preprocess *how, const struct image *resized,
                                 const char *expected, const char *what)
{
    size_t n = (size_t)how->size * (size_t)how->size * 3;
    float *tensor = malloc(n * sizeof *tensor);
    assert_non_null(tensor);
    preprocess_normalise(how, resized, tensor);
    struct sha256_text digest = sha256_bytes(tensor, n * sizeof *tensor);
    free(tensor);
    if (strcmp(digest.hex, expected) != 0)
        fail_msg("%s: SHA-256 of the tensor is %s, expected %s", what, digest.hex, expected);
}

/* The picture's bytes, its tensor, and the tensor rounded to fp16. */
static void check_processed(struct preprocess how, const struct image *in, const cJSON *row)
{
    struct image out;
    struct error err;
    char what[96];
    const cJSON *expected = json_find(row, resize_strategy_name(how.strategy));
    snprintf(what, sizeof what, "%d x %d to %d, %s", in->width, in->height, how.size,
             resize_strategy_name(how.strategy));
    assert_ok(preprocess_resize(&how, in, &out, &err), err);
    assert_digest(&out, json_string_or(expected, "resized", ""), what);
    assert_tensor_digest(&how, &out, json_string_or(expected, "tensor", ""), what);
    how.half_pixels = true;
    assert_tensor_digest(&how, &out, json_string_or(expected, "half", ""), what);
    image_release(&out);
}

static void pad_and_crop_give_the_floats_of_clips_image_processor(void **state)
{
    (void)state;
    cJSON *root;
    struct error err;
    assert_ok(json_read(&root, "tests/data/vision/preprocess.json", &err), err);
    const cJSON *row;
    int n = 0;
    cJSON_ArrayForEach(row, root)
    {
        struct preprocess how = {.size = json_int_or(row, "size", -1), .rescale = RESCALE_HF};
        struct image in = generated(json_int_or(row, "width", -1), json_int_or(row, "height", -1));
        read_three(row, "mean", how.mean);
        read_three(row, "std", how.std);
        how.strategy = RESIZE_PAD;
        check_processed(how, &in, row);
        how.strategy = RESIZE_CENTRE;
        check_processed(how, &in, row);
        image_release(&in);
        n += 1;
    }
    assert_true(n >= 30);
    cJSON_Delete(root);
}

/* A frame that was really held would take 10 GB, the resized whole 160 MB and, at 384, 6 GB. */
static void a_picture_60000_times_as_high_as_wide_can_be_resized(void **state)
{
    (void)state;
    static const struct {
        enum resize_strategy strategy;
        int size;
        bool framed;
    } cases[] = {
        {RESIZE_LETTERBOX, 62, true}, {RESIZE_CROP, 62, false},    {RESIZE_PAD, 62, true},
        {RESIZE_CENTRE, 62, false},   {RESIZE_CENTRE, 384, false}, {RESIZE_PAD, 384, true},
        {RESIZE_NAIVE, 384, false},
    };
    static const unsigned char fill[3] = {123, 116, 103}, black[3] = {0, 0, 0};
    struct image high = {calloc(60000, 3), 1, 60000}, out;
    assert_non_null(high.pixels);
    for (size_t i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
        struct preprocess how = imagenet;
        struct error err;
        struct image in = i % 2 ? (struct image){high.pixels, 60000, 1} : high;
        how.size = cases[i / 2].size;
        how.strategy = cases[i / 2].strategy;
        assert_ok(preprocess_resize(&how, &in, &out, &err), err);
        const unsigned char *corner = cases[i / 2].framed ? fill : black;
        assert_memory_equal(out.pixels, corner, 3);
        assert_memory_equal(image_row(&out, how.size - 1) + 3 * (how.size - 1), corner, 3);
        image_release(&out);
    }
    free(high.pixels);
}

static void a_side_over_four_million_pixels_is_refused_by_name(void **state)
{
    (void)state;
    enum { LONG = (1 << 22) + 1 };
    struct image high = {calloc(LONG, 3), 1, LONG}, out;
    assert_non_null(high.pixels);
    struct image wide = {high.pixels, LONG, 1};
    for (int strategy = 0; strategy < RESIZE_N; strategy++) {
        struct preprocess how = imagenet;
        struct error err = {""};
        how.strategy = (enum resize_strategy)strategy;
        assert_int_equal(preprocess_resize(&how, &high, &out, &err), STATUS_UNSUPPORTED);
        assert_contains(err.text, "1 x 4194305");
        assert_int_equal(preprocess_resize(&how, &wide, &out, &err), STATUS_UNSUPPORTED);
        assert_contains(err.text, "4194305 x 1 ");
    }
    free(high.pixels);
}

/* Pillow clips colours to bytes. */
static void a_mean_beyond_white_or_black_pads_with_white_or_black(void **state)
{
    (void)state;
    struct image in = generated(4, 12), out;
    struct error err;
    struct preprocess how = {.size = 24, .mean = {7e9f, -3, 0.5f}, .std = {1, 1, 1}};
    static const unsigned char fill[3] = {255, 0, 127};
    for (int i = 0; i < 2; i++) {
        how.strategy = i ? RESIZE_PAD : RESIZE_LETTERBOX;
        assert_ok(preprocess_resize(&how, &in, &out, &err), err);
        assert_memory_equal(out.pixels, fill, 3);
        image_release(&out);
    }
    image_release(&in);
}

static void every_half_survives_and_the_rest_is_rounded_to_even(void **state)
{
    (void)state;
    static const struct {
        float value, rounded;
    } cases[] = {
        {2049, 2048},
        {2051, 2052},
        {0x1.002p0f, 1},
        {0x1.006p0f, 0x1.008p0f},
        {0x1.002002p0f, 0x1.004p0f},
        {65519.99f, 65504},
        {65520, INFINITY},
        {-1e30f, -INFINITY},
        {-INFINITY, -INFINITY},
        {0x1p-25f, 0},
        {0x1.000002p-25f, 0x1p-24f},
        {-0x1.8p-24f, -0x1p-23f},
        {0x1.ff8p-15f, 0x1.ff8p-15f},
        {0x1.ffcp-15f, 0x1p-14f},
        {1e-40f, 0},
    };
    for (unsigned half = 0; half < 0x10000; half++) {
        float value = float_from_f16((uint16_t)half);
        if (isnan(value))
            assert_true(isnan(float_from_f16(f16_from_float(value))));
        else
            assert_int_equal(f16_from_float(value), half);
    }
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_true(float_from_f16(f16_from_float(cases[i].value)) == cases[i].rounded);
    assert_int_equal(f16_from_float(-0x1p-26f), 0x8000);
}

/* Floats that torch and numpy gave for these bytes with ImageNet's mean and deviation. */
static void every_step_of_the_normalisation_is_rounded(void **state)
{
    (void)state;
    static const struct {
        unsigned char byte;
        float expected[3];
    } cases[] = {
        {1, {-0x1.0ce656p+1f, -0x1.02549ep+1f, -0x1.c979d4p+0f}},
        {100, {-0x1.9f28acp-2f, -0x1.23dab4p-2f, -0x1.f8033ap-5f}},
        {255, {0x1.1fdc3ap+1f, 0x1.36db6ep+1f, 0x1.51eb86p+1f}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned char bytes[3] = {cases[i].byte, cases[i].byte, cases[i].byte};
        struct image pixel = {bytes, 1, 1};
        for (int rescale = 0; rescale < RESCALE_N; rescale++) {
            struct preprocess how = imagenet;
            float tensor[3];
            how.size = 1;
            how.rescale = (enum rescale)rescale;
            preprocess_normalise(&how, &pixel, tensor);
            assert_memory_equal(tensor, cases[i].expected, sizeof tensor);
        }
    }
}

static void the_tensor_is_planar(void **state)
{
    (void)state;
    unsigned char bytes[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    struct image image = {bytes, 2, 2};
    struct preprocess how = {.size = 2, .std = {1, 1, 1}};
    float tensor[12];
    preprocess_normalise(&how, &image, tensor);
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < 4; i++)
            assert_true(tensor[4 * c + i] == (float)(3 * i + c) / 255.0f);
}

static void names_are_read_as_they_are_written(void **state)
{
    (void)state;
    struct error err = {"untouched"};
    for (int i = 0; i < RESIZE_N; i++) {
        enum resize_strategy strategy;
        const char *name = resize_strategy_name((enum resize_strategy)i);
        assert_ok(resize_strategy_parse(name, &strategy, &err), err);
        assert_int_equal(strategy, i);
    }
    for (int i = 0; i < RESCALE_N; i++) {
        enum rescale rescale;
        assert_ok(rescale_parse(rescale_name((enum rescale)i), &rescale, &err), err);
        assert_int_equal(rescale, i);
    }
    assert_string_equal(err.text, "untouched");
    assert_string_equal(resize_strategy_name(RESIZE_NAIVE), "resize-naive");
    assert_string_equal(resize_strategy_name(RESIZE_CROP), "resize-crop");
    assert_string_equal(resize_strategy_name(RESIZE_LETTERBOX), "letterbox");
    assert_string_equal(resize_strategy_name(RESIZE_PAD), "pad");
    assert_string_equal(resize_strategy_name(RESIZE_CENTRE), "crop");
    static const char *const naive[] = {"squash", "naive"};
    for (int i = 0; i < 2; i++) {
        enum resize_strategy strategy = RESIZE_N;
        assert_ok(resize_strategy_parse(naive[i], &strategy, &err), err);
        assert_int_equal(strategy, RESIZE_NAIVE);
    }
}

static void an_unknown_name_is_refused_with_the_known_ones(void **state)
{
    (void)state;
    enum resize_strategy strategy;
    enum rescale rescale;
    struct error err;
    assert_int_equal(resize_strategy_parse("Letterbox", &strategy, &err), STATUS_UNSUPPORTED);
    assert_contains(err.text, "'Letterbox'");
    for (int i = 0; i < RESIZE_N; i++)
        assert_contains(err.text, resize_strategy_name((enum resize_strategy)i));
    assert_int_equal(rescale_parse("", &rescale, &err), STATUS_UNSUPPORTED);
    for (int i = 0; i < RESCALE_N; i++)
        assert_contains(err.text, rescale_name((enum rescale)i));
}

static void resizing_without_memory_says_so_and_leaks_nothing(void **state)
{
    (void)state;
    struct image in = generated(31, 18), out;
    for (int strategy = 0; strategy < RESIZE_N; strategy++) {
        struct preprocess how = imagenet;
        how.size = 14;
        how.strategy = (enum resize_strategy)strategy;
        int failures = 0;
        for (long n = 1;; n++) {
            struct error err = {""};
            fail_allocation(n);
            enum status status = preprocess_resize(&how, &in, &out, &err);
            int struck = allocation_has_failed();
            fail_allocation(0);
            if (!struck) {
                assert_int_equal(status, STATUS_OK);
                image_release(&out);
                break;
            }
            assert_int_equal(status, STATUS_NO_MEMORY);
            assert_contains(err.text, "31 x 18");
            failures += 1;
        }
        assert_true(failures >= 8);
    }
    image_release(&in);
}

static void check_tensor(const char *path, const struct image *resized, const cJSON *expected,
                         bool half)
{
    struct preprocess how = {.size = resized->width, .half_pixels = half};
    struct error err;
    read_three(expected, "mean", how.mean);
    read_three(expected, "std", how.std);
    assert_ok(rescale_parse(json_string_or(expected, "rescale", "?"), &how.rescale, &err), err);
    size_t n = (size_t)how.size * (size_t)how.size * 3;
    float *tensor = malloc(n * sizeof *tensor);
    assert_non_null(tensor);
    preprocess_normalise(&how, resized, tensor);
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)tensor[i];
        squares += (double)tensor[i] * (double)tensor[i];
    }
    double size = sqrt(squares * (double)n);
    assert_near(sum, json_number_or(expected, "sum", NAN), 1e-8 * size, path);
    assert_near(squares, json_number_or(expected, "sumsq", NAN), 1e-8 * squares, path);
    const cJSON *value;
    size_t i = 0;
    cJSON_ArrayForEach(value, json_find(expected, "first16"))
    {
        float wanted = (float)cJSON_GetNumberValue(value);
        assert_true(tensor[i] == wanted);
        i += 1;
    }
    assert_int_equal(i, 16);
    free(tensor);
}

/* image: file and hash of its pixels; made: hash of the resized bytes, and the tensors. */
static void check_reference(const char *folder, const cJSON *image, const cJSON *made, bool half)
{
    char path[4096];
    struct image in, resized;
    struct error err;
    snprintf(path, sizeof path, "%s/%s", folder, json_string_or(image, "file", "?"));
    assert_ok(image_read(&in, path, NULL, &err), err);
    assert_int_equal(in.width, json_int_or(image, "width", -1));
    assert_int_equal(in.height, json_int_or(image, "height", -1));
    assert_digest(&in, json_string_or(image, "rgb_sha256", ""), path);
    const cJSON *tensors = json_find(made, "tensors");
    const cJSON *shape = json_find(cJSON_GetArrayItem(tensors, 0), "shape");
    struct preprocess how = {.size = (int)cJSON_GetNumberValue(cJSON_GetArrayItem(shape, 1))};
    assert_ok(resize_strategy_parse(json_string_or(made, "mode", "?"), &how.strategy, &err), err);
    read_three(cJSON_GetArrayItem(tensors, 0), "mean", how.mean);
    assert_ok(preprocess_resize(&how, &in, &resized, &err), err);
    assert_digest(&resized, json_string_or(made, "resized_sha256", ""), path);
    const cJSON *tensor;
    cJSON_ArrayForEach(tensor, tensors) check_tensor(path, &resized, tensor, half);
    image_release(&resized);
    image_release(&in);
}

static void the_shared_fixtures_are_preprocessed_as_their_references(void **state)
{
    (void)state;
    const char *shared = shared_or_skip("the_shared_fixtures_are_preprocessed_as_their_references");
    if (!shared)
        skip();
    static const char *const names[] = {
        "cobra",        "cobra-siglip", "cobra-ldpnet",      "ml-mamba",
        "llava-1.5",    "llava-phi",    "llava-phi-fused",   "tinyllava-legacy",
        "mobilevlm-v1", "mobilevlm-v2", "tinyllava-factory", "tinyllava-factory-merged"};
    int variants = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char folder[2048], path[2100];
        snprintf(folder, sizeof folder, "%s/fixtures/%s", shared, names[i]);
        snprintf(path, sizeof path, "%s/reference.json", folder);
        cJSON *root;
        struct error err;
        assert_ok(json_read(&root, path, &err), err);
        check_reference(folder, json_find(root, "image"), json_find(root, "preprocess"), false);
        const cJSON *variant;
        cJSON_ArrayForEach(variant, json_find(root, "variants"))
        {
            bool half = strcmp(json_string_or(variant, "name", ""), "pixels_rounded_to_fp16") == 0;
            check_reference(folder, variant, variant, half);
            variants += 1;
        }
        cJSON_Delete(root);
    }
    assert_true(variants >= 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_golden_tensor_is_torchvisions),
        cmocka_unit_test(each_strategy_of_cobra_gives_the_bytes_of_its_reference),
        cmocka_unit_test(crop_and_letterbox_round_as_python_does),
        cmocka_unit_test(pad_and_crop_give_the_floats_of_clips_image_processor),
        cmocka_unit_test(a_picture_60000_times_as_high_as_wide_can_be_resized),
        cmocka_unit_test(a_side_over_four_million_pixels_is_refused_by_name),
        cmocka_unit_test(a_mean_beyond_white_or_black_pads_with_white_or_black),
        cmocka_unit_test(every_half_survives_and_the_rest_is_rounded_to_even),
        cmocka_unit_test(every_step_of_the_normalisation_is_rounded),
        cmocka_unit_test(the_tensor_is_planar),
        cmocka_unit_test(names_are_read_as_they_are_written),
        cmocka_unit_test(an_unknown_name_is_refused_with_the_known_ones),
        cmocka_unit_test(resizing_without_memory_says_so_and_leaks_nothing),
        cmocka_unit_test(the_shared_fixtures_are_preprocessed_as_their_references),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
