/* tests/test_image.c - decoding and resizing against Pillow's own results. */
#include "tests/check.h"

#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/base/sha256.h"
#include "engine/image/decode.h"
#include "engine/image/image.h"

#include <omp.h>

#define DATA "tests/data/image/"

/* The generator of the golden resize: (7x + 13y + 29c + 5 (xy mod 11)) mod 256. */
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

static size_t size_of(const struct image *image)
{
    return (size_t)image->width * (size_t)image->height * 3;
}

static void assert_digest(const struct image *image, const char *expected, const char *what)
{
    struct sha256_text digest = sha256_bytes(image->pixels, size_of(image));
    if (strcmp(digest.hex, expected) != 0)
        fail_msg("%s: SHA-256 is %s, expected %s", what, digest.hex, expected);
}

static void assert_equal_images(const struct image *a, const struct image *b)
{
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    assert_memory_equal(a->pixels, b->pixels, size_of(a));
}

/* Encoded and decoded again, a smooth picture is nearly the same; quality costs bytes. */
static void a_jpeg_of_a_picture_shows_it(void **state)
{
    (void)state;
    static const int sides[][2] = {{1, 1}, {3, 70}, {256, 171}};
    for (size_t i = 0; i < sizeof sides / sizeof sides[0]; i++) {
        struct image image = generated(sides[i][0], sides[i][1]), back;
        struct error err = {{0}};
        unsigned char *bytes, *smaller;
        size_t size, smaller_size;
        double sum = 0;
        for (size_t b = 0; b < size_of(&image); b++)
            image.pixels[b] = (unsigned char)(100 + b % 3 + b / 97 % 80);
        assert_ok(image_encode_jpeg(&image, 90, &bytes, &size, &err), err);
        assert_ok(image_encode_jpeg(&image, 20, &smaller, &smaller_size, &err), err);
        assert_true(smaller_size <= size);
        struct picture picture = {"memory", bytes, size, IMAGE_MAX_PIXELS};
        assert_ok(picture_decode(&picture, &back, NULL, &err), err);
        assert_int_equal(back.width, image.width);
        assert_int_equal(back.height, image.height);
        for (size_t b = 0; b < size_of(&image); b++)
            sum += abs(image.pixels[b] - back.pixels[b]);
        assert_true(sum / (double)size_of(&image) < 6);
        free(bytes);
        free(smaller);
        image_release(&back);
        image_release(&image);
    }
    struct image wide = {calloc(70000, 3), 70000, 1};
    struct error err = {{0}};
    unsigned char *bytes = NULL;
    size_t size = 0;
    assert_int_equal(image_encode_jpeg(&wide, 80, &bytes, &size, &err), STATUS_UNSUPPORTED);
    assert_contains(err.text, "70000 x 1");
    image_release(&wide);
}

static cJSON *read_json(const char *path)
{
    cJSON *root;
    struct error err;
    assert_ok(json_read(&root, path, &err), err);
    return root;
}

static const char *path_of(struct arena *arena, const char *folder, const cJSON *entry)
{
    const char *path = path_join(arena, folder, json_string_or(entry, "file", "?"));
    assert_non_null(path);
    return path;
}

static void every_kind_of_file_gives_pillows_bytes(void **state)
{
    (void)state;
    cJSON *root = read_json(DATA "expected.json");
    struct arena arena;
    arena_init(&arena);
    const cJSON *entry;
    int n = 0;
    cJSON_ArrayForEach(entry, json_find(root, "images"))
    {
        const char *digest = json_string_or(entry, "rgb_sha256", NULL);
        if (!digest)
            continue;
        const char *path = path_of(&arena, DATA, entry);
        struct image image;
        struct error err;
        assert_ok(image_read(&image, path, NULL, &err), err);
        assert_int_equal(image.width, json_int_or(entry, "width", -1));
        assert_int_equal(image.height, json_int_or(entry, "height", -1));
        assert_digest(&image, digest, path);
        image_release(&image);
        n += 1;
    }
    assert_true(n >= 50);
    arena_release(&arena);
    cJSON_Delete(root);
}

static void what_cannot_be_read_is_refused_by_name_and_cause(void **state)
{
    (void)state;
    cJSON *root = read_json(DATA "expected.json");
    struct arena arena;
    arena_init(&arena);
    const cJSON *entry;
    int n = 0;
    cJSON_ArrayForEach(entry, json_find(root, "images"))
    {
        const char *cause = json_string_or(entry, "refusal", NULL);
        if (!cause)
            continue;
        const char *path = path_of(&arena, DATA, entry);
        struct image image = {NULL, -1, -1};
        struct error err, warning = {"untouched"};
        enum status status = image_read(&image, path, &warning, &err);
        assert_true(status == STATUS_BAD_FORMAT || status == STATUS_UNSUPPORTED);
        assert_contains(err.text, path);
        assert_contains(err.text, cause);
        assert_string_equal(warning.text, "untouched");
        assert_null(image.pixels);
        n += 1;
    }
    assert_true(n >= 15);
    arena_release(&arena);
    cJSON_Delete(root);
}

static void refusals_have_the_status_of_their_cause(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        enum status status;
    } cases[] = {
        {DATA "none.png", STATUS_NOT_FOUND},       {DATA, STATUS_IO},
        {DATA "empty.jpg", STATUS_BAD_FORMAT},     {DATA "truncated.jpg", STATUS_BAD_FORMAT},
        {DATA "truncated.png", STATUS_BAD_FORMAT}, {DATA "unread.webp", STATUS_UNSUPPORTED},
        {DATA "deep.jpg", STATUS_UNSUPPORTED},     {DATA "huge.jpg", STATUS_UNSUPPORTED},
        {DATA "huge.png", STATUS_UNSUPPORTED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct image image;
        struct error err;
        assert_int_equal(image_read(&image, cases[i].path, NULL, &err), cases[i].status);
        assert_contains(err.text, cases[i].path);
    }
}

static void a_picture_that_looks_wrong_is_read_with_a_warning(void **state)
{
    (void)state;
    static const struct {
        const char *path, *warning;
    } cases[] = {
        {DATA "grey16.png", "16-bit grey"}, {DATA "image_checksum.png", "CRC error"},
        {DATA "rgb16.png", NULL},           {DATA "grey8.png", NULL},
        {DATA "rgb_420.jpg", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct image image;
        struct error err = {"untouched"}, warning = {"untouched"};
        assert_ok(image_read(&image, cases[i].path, &warning, &err), err);
        assert_string_equal(err.text, "untouched");
        if (cases[i].warning) {
            assert_contains(warning.text, cases[i].path);
            assert_contains(warning.text, cases[i].warning);
        } else {
            assert_string_equal(warning.text, "untouched");
        }
        image_release(&image);
    }
}

/* The whole of a small file, the caller's to free. */
static unsigned char *load(const char *path, size_t *size)
{
    struct arena arena;
    arena_init(&arena);
    char *data;
    struct error err;
    assert_ok(file_read(path, &arena, &data, size, &err), err);
    unsigned char *copy = malloc(*size + 1);
    assert_non_null(copy);
    memcpy(copy, data, *size);
    arena_release(&arena);
    return copy;
}

static enum status decode_bytes(const unsigned char *data, size_t size, struct error *warning,
                                struct error *err)
{
    /* Its own block, so that a sanitizer sees a read behind the end. */
    unsigned char *exact = malloc(size ? size : 1);
    assert_non_null(exact);
    memcpy(exact, data, size);
    struct picture picture = {"bytes", exact, size, 1 << 20};
    struct image image;
    enum status status = picture_decode(&picture, &image, warning, err);
    if (!status) {
        volatile unsigned char last = image.pixels[size_of(&image) - 1];
        (void)last;
        image_release(&image);
    }
    free(exact);
    return status;
}

static const char *const seeds[] = {DATA "rgb_420.jpg",
                                    DATA "progressive.jpg",
                                    DATA "restarts.jpg",
                                    DATA "cmyk.jpg",
                                    DATA "palette4_transparent_interlaced.png",
                                    DATA "rgb8.png",
                                    DATA "grey16_interlaced.png",
                                    DATA "many_pieces.png",
                                    DATA "colour_space.png"};

enum { N_SEEDS = sizeof seeds / sizeof seeds[0] };

/* The picture's data are over some bytes before the file is: 12 of IEND, PNG's checksum. */
static void a_file_cut_off_anywhere_inside_its_picture_is_refused(void **state)
{
    (void)state;
    for (int s = 0; s < N_SEEDS; s++) {
        size_t size;
        unsigned char *data = load(seeds[s], &size);
        size_t spare = strstr(seeds[s], ".png") ? 12 + 4 : 0;
        size_t step = size > 3000 ? 7 : 1; /* every length of the small ones */
        for (size_t length = 0; length + spare < size; length += step) {
            struct error err = {""};
            assert_int_equal(decode_bytes(data, length, NULL, &err), STATUS_BAD_FORMAT);
            assert_contains(err.text, "bytes");
        }
        free(data);
    }
}

static void flipped_bits_are_refused_or_read_but_never_crash(void **state)
{
    (void)state;
    uint32_t random = 12345;
    for (int s = 0; s < N_SEEDS; s++) {
        size_t size;
        unsigned char *data = load(seeds[s], &size);
        int refused = 0;
        for (int i = 0; i < 800; i++) {
            random = random * 1664525u + 1013904223u; /* Numerical Recipes */
            size_t at = (size_t)(random >> 4) % size;
            unsigned char bit = (unsigned char)(1u << (random >> 29));
            data[at] ^= bit;
            struct error err = {""}, warning = {""};
            enum status status = decode_bytes(data, size, &warning, &err);
            assert_true((status != STATUS_OK) == (err.text[0] != '\0'));
            refused += status != STATUS_OK;
            data[at] ^= bit;
        }
        assert_true(refused > 0);
        free(data);
    }
}

static void a_decoder_without_memory_says_so_and_leaks_nothing(void **state)
{
    (void)state;
    static const char *const paths[] = {DATA "rgb_420.jpg", DATA "cmyk.jpg", DATA "rgb8.png",
                                        DATA "palette8_transparent_interlaced.png"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        int failures = 0;
        for (long n = 1;; n++) {
            struct image image;
            struct error err = {""};
            fail_allocation(n);
            enum status status = image_read(&image, paths[i], NULL, &err);
            int struck = allocation_has_failed();
            fail_allocation(0);
            if (status == STATUS_OK)
                image_release(&image);
            if (!struck) {
                assert_int_equal(status, STATUS_OK);
                break;
            }
            assert_int_equal(status, STATUS_NO_MEMORY);
            assert_contains(err.text, paths[i]);
            failures += 1;
        }
        assert_true(failures > 0);
    }
}

/* Pillow 10.0.0 on the generator's 20 x 15 picture. */
static void resizing_equals_pillow_on_the_golden_table(void **state)
{
    (void)state;
    static const unsigned char golden[8][24] = {
        {14, 43,  72,  37,  66,  95,  60,  89,  118, 85,  114, 143,
         92, 121, 150, 104, 133, 162, 130, 159, 189, 150, 179, 213},
        {45,  74,  103, 81,  110, 139, 98,  127, 156, 119, 148, 177,
         124, 153, 182, 145, 174, 208, 170, 199, 227, 184, 213, 201},
        {78,  107, 136, 104, 133, 162, 122, 151, 180, 140, 169, 198,
         146, 175, 204, 174, 206, 197, 191, 228, 157, 213, 170, 60},
        {101, 130, 159, 129, 158, 187, 146, 175, 209, 165, 193, 233,
         171, 205, 221, 198, 214, 148, 219, 179, 77,  240, 64,  26},
        {131, 160, 189, 155, 184, 216, 172, 201, 188, 188, 222, 149,
         198, 186, 206, 216, 137, 48,  195, 71,  39,  160, 23,  59},
        {159, 187, 217, 177, 208, 249, 190, 227, 179, 208, 248, 9,
         191, 196, 73,  132, 18,  52,  106, 26,  61,  11,  49,  78},
        {161, 192, 222, 187, 210, 166, 222, 145, 111, 169, 106, 57,
         168, 92,  33,  122, 24,  55,  91,  53,  82,  40,  71,  100},
        {193, 225, 141, 234, 151, 27, 176, 67, 34,  122, 25,  63,
         53,  34,  72,  34,  66,  95, 51,  89, 118, 74,  103, 132}};
    struct image in = generated(20, 15), out;
    struct error err;
    assert_ok(image_resize(&in, 8, 8, &out, &err), err);
    assert_int_equal(out.width, 8);
    assert_int_equal(out.height, 8);
    assert_memory_equal(out.pixels, golden, sizeof golden);
    image_release(&out);
    image_release(&in);
}

/* SHA-256 of what Pillow 12.0.0 makes of the generator's pictures. */
static void resizing_equals_pillow_on_every_shape(void **state)
{
    (void)state;
    static const struct {
        int from_width, from_height, width, height;
        const char *sha256;
    } cases[] = {
        {1, 1, 7, 5, "5f509e8468597b92a169c45d8377fdfcbfb2fa2e90150977776c8f2ce92c08cb"},
        {1, 60000, 64, 64, "de82ca4506941b7846162d34b91b6182f903db17d09a3a48de1586990532519c"},
        /* Rows that are computed some columns at a time. */
        {3, 60000, 384, 128, "e953630656068cdde2411cabac85e57850214bfe69bdb194219f3453caab669d"},
        {60000, 1, 64, 64, "c3ae2c91845906664b65ba3b882e3c00746ef609cfe56b0368ab0967556129ab"},
        {1, 5000, 3, 6000, "1de35b7ee4df8b98b907290c23982fe00ed4111280dcc670b0fbb74038000331"},
        {100, 37, 41, 37, "cc8d917240b72c3f12a8a69a448e1456f42da40991665e941298973beef990f7"},
        {100, 37, 100, 90, "2962ee4b0b84e5bafe7aebd3220ff34a08e252191472588bcbe80ea0489a8600"},
        {37, 100, 90, 11, "92e6e826c6ba8359e493580dc81595682d4fcc5c3ba7e21578034856de9f6b5e"},
        {64, 48, 384, 384, "c570baa1960d2f22965922df03ae7dfc8c82969510db57d44f766495e068afc2"},
        {640, 480, 384, 384, "131e3bfbc1fcec3f3098d921c0facd1ae33424bdc39005a4e66a6139028be6c2"},
        {333, 500, 384, 384, "cdfa43bfa38bef4d156d7cc158f568dabac55a62ed0625c2b21eb58005f2cfc8"},
        {2, 2, 1, 1, "caa994e9966c362f2f283acd5d47fcc58534b49d384d431fdd9b46fe38f11a8e"},
        {5, 3, 1, 40, "2f92701621ea6a43b28dc3f82e3d53af77f5ef63b005109c798ae384b8d97a59"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct image in = generated(cases[i].from_width, cases[i].from_height), out;
        struct error err;
        assert_ok(image_resize(&in, cases[i].width, cases[i].height, &out, &err), err);
        char what[64];
        snprintf(what, sizeof what, "%d x %d to %d x %d", cases[i].from_width, cases[i].from_height,
                 cases[i].width, cases[i].height);
        assert_digest(&out, cases[i].sha256, what);
        image_release(&out);
        image_release(&in);
    }
}

static void resizing_to_the_same_size_is_a_copy(void **state)
{
    (void)state;
    struct image in = generated(53, 38), out;
    struct error err;
    assert_ok(image_resize(&in, 53, 38, &out, &err), err);
    assert_equal_images(&in, &out);
    assert_ptr_not_equal(in.pixels, out.pixels);
    image_release(&out);
    image_release(&in);
}

static void resizing_does_not_depend_on_threads(void **state)
{
    (void)state;
    struct image in = generated(301, 207), one, three;
    struct error err;
    int before = omp_get_max_threads();
    omp_set_num_threads(1);
    assert_ok(image_resize(&in, 97, 64, &one, &err), err);
    omp_set_num_threads(3);
    assert_ok(image_resize(&in, 97, 64, &three, &err), err);
    omp_set_num_threads(before);
    assert_equal_images(&one, &three);
    image_release(&one);
    image_release(&three);
    image_release(&in);
}

static void resizing_without_memory_says_so_and_leaks_nothing(void **state)
{
    (void)state;
    struct image in = generated(31, 17), out;
    int failures = 0;
    for (long n = 1;; n++) {
        struct error err = {""};
        fail_allocation(n);
        enum status status = image_resize(&in, 8, 9, &out, &err);
        int struck = allocation_has_failed();
        fail_allocation(0);
        if (!struck) {
            assert_int_equal(status, STATUS_OK);
            image_release(&out);
            break;
        }
        assert_int_equal(status, STATUS_NO_MEMORY);
        assert_contains(err.text, "31 x 17");
        failures += 1;
    }
    assert_true(failures >= 8);
    image_release(&in);
}

static void assert_means(const struct image *image, const cJSON *means, const char *path)
{
    for (int c = 0; c < 3; c++) {
        double sum = 0;
        size_t pixels = size_of(image) / 3;
        for (size_t i = 0; i < pixels; i++)
            sum += image->pixels[3 * i + (size_t)c];
        double mean = sum / (double)pixels;
        double expected = cJSON_GetNumberValue(cJSON_GetArrayItem(means, c));
        if (!(mean > expected - 0.5 && mean < expected + 0.5))
            fail_msg("%s: the mean of channel %d is %g, expected %g", path, c, mean, expected);
    }
}

/* PNG bit for bit; JPEG may differ between versions of libjpeg, but not in the mean. */
static void check_shared_image(const char *path, const cJSON *entry)
{
    struct image image, small;
    struct error err;
    bool exact = strstr(path, ".png") != NULL;
    assert_ok(image_read(&image, path, NULL, &err), err);
    assert_int_equal(image.width, json_int_or(entry, "width", -1));
    assert_int_equal(image.height, json_int_or(entry, "height", -1));
    assert_means(&image, json_find(entry, "mean"), path);
    assert_ok(image_resize(&image, 384, 384, &small, &err), err);
    assert_means(&small, json_find(entry, "resized384_mean"), path);
    const char *rgb = json_string_or(entry, "rgb_sha256", "");
    if (exact) {
        assert_digest(&image, rgb, path);
        assert_digest(&small, json_string_or(entry, "resized384_sha256", ""), path);
    } else if (strcmp(sha256_bytes(image.pixels, size_of(&image)).hex, rgb) != 0) {
        printf("%s: decoded not quite as in expected.json\n", path);
    }
    image_release(&small);
    image_release(&image);
}

static void the_shared_pictures_are_as_pillow_reads_them(void **state)
{
    (void)state;
    const char *shared = shared_or_skip("the_shared_pictures_are_as_pillow_reads_them");
    if (!shared)
        skip();
    struct arena arena;
    arena_init(&arena);
    const char *folder = path_join(&arena, shared, "data/images");
    cJSON *root = read_json(path_join(&arena, folder, "expected.json"));
    const cJSON *entry;
    int n = 0;
    cJSON_ArrayForEach(entry, json_find(root, "images"))
    {
        const char *path = path_of(&arena, folder, entry);
        if (json_find(entry, "error")) {
            struct image image;
            struct error err;
            assert_int_equal(image_read(&image, path, NULL, &err), STATUS_BAD_FORMAT);
            assert_contains(err.text, path);
        } else {
            check_shared_image(path, entry);
        }
        n += 1;
    }
    assert_true(n > 0);
    cJSON_Delete(root);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_file_gives_pillows_bytes),
        cmocka_unit_test(what_cannot_be_read_is_refused_by_name_and_cause),
        cmocka_unit_test(refusals_have_the_status_of_their_cause),
        cmocka_unit_test(a_picture_that_looks_wrong_is_read_with_a_warning),
        cmocka_unit_test(a_file_cut_off_anywhere_inside_its_picture_is_refused),
        cmocka_unit_test(flipped_bits_are_refused_or_read_but_never_crash),
        cmocka_unit_test(a_decoder_without_memory_says_so_and_leaks_nothing),
        cmocka_unit_test(a_jpeg_of_a_picture_shows_it),
        cmocka_unit_test(resizing_equals_pillow_on_the_golden_table),
        cmocka_unit_test(resizing_equals_pillow_on_every_shape),
        cmocka_unit_test(resizing_to_the_same_size_is_a_copy),
        cmocka_unit_test(resizing_does_not_depend_on_threads),
        cmocka_unit_test(resizing_without_memory_says_so_and_leaks_nothing),
        cmocka_unit_test(the_shared_pictures_are_as_pillow_reads_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
