#include "tests/tensor_files.h"

#include "engine/base/float16.h"

#define ONE(name, dtype, shape, offsets)                                                           \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

/* A safetensors file of this header and so many zero bytes of data. */
static struct bytes make_file(const char *header, size_t header_bytes, size_t data_bytes)
{
    struct bytes bytes = {.size = 8 + header_bytes + data_bytes};
    bytes.data = calloc(1, bytes.size);
    assert_non_null(bytes.data);
    memcpy(bytes.data, &header_bytes, 8);
    memcpy(bytes.data + 8, header, header_bytes);
    return bytes;
}

static void assert_header(const char *header, size_t data_bytes, const char *sentence)
{
    struct memory_file memory = memory_file_make();
    struct bytes bytes = make_file(header, strlen(header), data_bytes);
    struct error err = {""};
    enum status status = open_any(&memory, bytes.data, bytes.size, &err);
    if (sentence) {
        assert_int_not_equal(status, STATUS_OK);
        assert_contains(err.text, sentence);
    } else {
        assert_ok(status, err);
    }
    free(bytes.data);
    close(memory.fd);
}

static void a_sound_file_reads_as_in_pytorch(void **state)
{
    (void)state;
    assert_as_pytorch_reads("sound.safetensors");
    assert_as_pytorch_reads("small.safetensors");
}

static void tensors_are_listed_in_the_order_of_their_data(void **state)
{
    (void)state;
    struct tensor_file *file = NULL;
    struct error err = {""};
    assert_ok(tensor_file_open(&file, DATA "sound.safetensors", &err), err);
    assert_string_equal(file->format->name, "safetensors");
    for (size_t i = 1; i < file->n_tensors; i++)
        assert_true(file->tensors[i - 1].data <= file->tensors[i].data);
    assert_null(tensor_file_find(file, "absent"));
    assert_null(tensor_file_find(file, "__metadata__"));
    const struct tensor_view *ids = tensor_file_find(file, "ids");
    assert_non_null(ids);
    assert_string_equal(ids->dtype_name, "I64");
    int64_t values[5];
    assert_int_equal(tensor_read(file, ids, DTYPE_F32, values, &err), STATUS_UNSUPPORTED);
    assert_contains(err.text, "tensor ids holds I64");
    assert_contains(err.text, "sound.safetensors");
    tensor_file_close(file);
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    assert_every_truncation_is_refused(DATA "sound.safetensors");
    assert_every_truncation_is_refused(DATA "small.safetensors");
}

static void every_flipped_bit_of_the_header_is_survived(void **state)
{
    (void)state;
    struct bytes bytes = load_bytes(DATA "sound.safetensors");
    uint64_t header_bytes;
    memcpy(&header_bytes, bytes.data, 8);
    size_t n = (8 + (size_t)header_bytes) * 8;
    size_t refused = flip_bits(bytes, 0, 8 + (size_t)header_bytes);
    /* A flip in a name, the metadata or the padding is another sound file. */
    assert_true(refused > n / 2 && refused < n);
    free(bytes.data);
}

static void lack_of_memory_is_reported(void **state)
{
    (void)state;
    assert_lack_of_memory_is_reported(DATA "sound.safetensors");
}

static void headers_that_are_sound_are_accepted(void **state)
{
    (void)state;
    assert_header("{}", 0, NULL);
    assert_header(" {\"__metadata__\":{\"format\":\"pt, [{\"}}   ", 0, NULL);
    assert_header("{" ONE("a", "F32", "[]", "[0,4]") "}", 4, NULL);
    assert_header("{" ONE("a", "F32", "[0,7]", "[0,0]") "," ONE("b", "F32", "[0]", "[0,0]") "}", 0,
                  NULL);
    assert_header("{" ONE("b", "F16", "[1]", "[4,6]") "," ONE("a", "F32", "[1]", "[0,4]") "}", 6,
                  NULL);
    assert_header("{" ONE("a", "F6_E2M3", "[4]", "[0,3]") "," ONE("b", "F4", "[2,3]", "[3,6]") "}",
                  6, NULL);
    assert_header("{\"a\":{\"dtype\":\"BOOL\",\"shape\":[3],\"data_offsets\":[0,3],\"more\":1}}", 3,
                  NULL);
}

static void every_dtype_has_its_size_checked(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int bits;
    } dtypes[] = {{"F64", 64},        {"F32", 32},       {"F16", 16},    {"BF16", 16},
                  {"I64", 64},        {"I32", 32},       {"I16", 16},    {"I8", 8},
                  {"U64", 64},        {"U32", 32},       {"U16", 16},    {"U8", 8},
                  {"BOOL", 8},        {"C64", 64},       {"F8_E4M3", 8}, {"F8_E5M2", 8},
                  {"F8_E8M0", 8},     {"F6_E2M3", 6},    {"F6_E3M2", 6}, {"F4", 4},
                  {"F8_E5M2FNUZ", 8}, {"F8_E4M3FNUZ", 8}};
    for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++)
        for (int wrong = 0; wrong < 2; wrong++) {
            char header[256];
            int bytes = dtypes[i].bits + wrong; /* of eight elements */
            snprintf(header, sizeof header,
                     "{\"a\":{\"dtype\":\"%s\",\"shape\":[8],\"data_offsets\":[0,%d]}}",
                     dtypes[i].name, bytes);
            assert_header(header, (size_t)bytes, wrong ? "tensor a: 8 elements of" : NULL);
        }
}

static void damaged_headers_are_refused_by_name(void **state)
{
    (void)state;
    assert_header("[]", 0, "neither a safetensors file");
    assert_header("{", 0, "line 1, column");
    assert_header("{} x", 0, "text behind");
    assert_header("{\"a\":3}", 0, "tensor a: its description is not");
    assert_header("{\"a\":{}}", 0, "tensor a: \"dtype\" is missing");
    assert_header("{" ONE("a", "F33", "[1]", "[0,4]") "}", 4, "tensor a: \"dtype\" F33");
    assert_header("{" ONE("a", "F32", "3", "[0,4]") "}", 4, "tensor a: \"shape\"");
    assert_header("{" ONE("a", "F32", "[-1]", "[0,4]") "}", 4, "tensor a: a dimension");
    assert_header("{" ONE("a", "F32", "[1.5]", "[0,4]") "}", 4, "tensor a: a dimension");
    assert_header("{" ONE("a", "F32", "[1e300]", "[0,4]") "}", 4, "tensor a: a dimension");
    assert_header("{" ONE("a", "F32", "[\"1\"]", "[0,4]") "}", 4, "tensor a: a dimension");
    assert_header("{" ONE("a", "F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]") "}", 4,
                  "more than 8 dimensions");
    assert_header("{" ONE("a", "F32", "[4294967296,4294967296]", "[0,0]") "}", 0,
                  "tensor a: the product of its shape overflows");
    /* In bits it would be 0 modulo 2^64. */
    assert_header("{" ONE("a", "F64", "[2147483648,2147483648]", "[0,0]") "}", 0,
                  "tensor a: the product of its shape overflows");
    assert_header("{" ONE("a", "F32", "[0,4294967296,4294967296]", "[0,0]") "}", 0,
                  "tensor a: the product of its shape overflows");
    assert_header("{" ONE("a", "F32", "[1]", "[0]") "}", 4, "not a list of two");
    assert_header("{" ONE("a", "F32", "[1]", "[0,4,8]") "}", 4, "not a list of two");
    assert_header("{" ONE("a", "F32", "[1]", "[-4,0]") "}", 4, "not whole numbers");
    assert_header("{" ONE("a", "F32", "[1]", "[0.5,4.5]") "}", 8, "not whole numbers");
    assert_header("{" ONE("a", "F32", "[1]", "[4,0]") "}", 4, "end before they begin");
    assert_header("{" ONE("a", "F32", "[2]", "[0,8]") "}", 4, "tensor a: its data ends at byte 8");
    assert_header("{" ONE("a", "F32", "[1]", "[9007199254740992,9007199254740996]") "}", 4,
                  "tensor a");
    assert_header("{" ONE("a", "F32", "[2]", "[0,4]") "}", 4, "2 elements of F32 take 8 bytes");
    assert_header("{" ONE("a", "F4", "[3]", "[0,2]") "}", 2, "only partly used");
}

static void tensors_cover_the_data_exactly(void **state)
{
    (void)state;
    assert_header("{" ONE("a", "F32", "[2]", "[0,8]") "," ONE("b", "F32", "[1]", "[4,8]") "}", 8,
                  "tensors a and b overlap at byte 4");
    assert_header("{" ONE("a", "F32", "[1]", "[0,4]") "," ONE("b", "F32", "[1]", "[8,12]") "}", 12,
                  "bytes 4 to 8 behind the header, in front of tensor b");
    assert_header("{" ONE("a", "F32", "[1]", "[4,8]") "}", 8, "bytes 0 to 4");
    assert_header("{" ONE("a", "F32", "[1]", "[0,4]") "}", 5, "bytes 4 to 5");
    assert_header("{}", 1, "bytes 0 to 1");
}

static void names_are_unique_and_printable(void **state)
{
    (void)state;
    assert_header("{" ONE("a", "F32", "[1]", "[0,4]") "," ONE("a", "F32", "[1]", "[4,8]") "}", 8,
                  "two tensors are called a");
    assert_header("{" ONE("a", "F32", "[0]", "[0,0]") "," ONE("\\u0061", "F32", "[0]", "[0,0]") "}",
                  0, "two tensors are called a");
    assert_header("{\"a\":{\"dtype\":\"U8\",\"dtype\":\"I8\",\"shape\":[0],"
                  "\"data_offsets\":[0,0]}}",
                  0, "has a key twice");
    assert_header("{" ONE("a\\u0000b", "F32", "[0]", "[0,0]") "}", 0, "NUL character");
    assert_header("{" ONE("a\\\\u0000b", "F32", "[0]", "[0,0]") "}", 0, NULL);
    assert_header("{" ONE("a\\u001b[2J", "F32", "[0]", "[0,0]") "}", 0, "control character 27");
    assert_header("{" ONE("a\xff", "F32", "[0]", "[0,0]") "}", 0, "is not UTF-8");
    char header[2200];
    snprintf(header, sizeof header,
             "{\"%01100d\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}", 1);
    assert_header(header, 0, "has 1100 bytes");
}

static void the_header_is_bounded(void **state)
{
    (void)state;
    struct memory_file memory = memory_file_make();
    struct error err;
    struct bytes bytes = make_file("{}", 2, 0);
    static const uint64_t lengths[] = {3, 100000001, (uint64_t)INT64_MAX + 1, UINT64_MAX};
    static const char *const parts[] = {"truncated", "more than the format", "more than the format",
                                        "more than the format"};
    for (size_t i = 0; i < 4; i++) {
        memcpy(bytes.data, &lengths[i], 8);
        assert_int_equal(open_any(&memory, bytes.data, bytes.size, &err), STATUS_BAD_FORMAT);
        assert_contains(err.text, parts[i]);
    }
    free(bytes.data);

    /* Two bytes for a value: cJSON would take forty times as much. */
    size_t size = 3 << 20;
    char *header = malloc(size);
    assert_non_null(header);
    memset(header, '[', size);
    memcpy(header, "{\"a\":", 5);
    for (size_t i = 6; i < size; i += 2)
        memcpy(header + i - 1, "0,", 2);
    bytes = make_file(header, size, 0);
    assert_int_equal(open_any(&memory, bytes.data, bytes.size, &err), STATUS_BAD_FORMAT);
    assert_contains(err.text, "values, at most");
    free(bytes.data);
    free(header);
    close(memory.fd);
}

static void files_of_other_kinds_are_refused_by_name(void **state)
{
    (void)state;
    struct memory_file memory = memory_file_make();
    struct error err = {""};
    static const char lfs[] = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";
    assert_int_equal(open_any(&memory, lfs, sizeof lfs - 1, &err), STATUS_BAD_FORMAT);
    assert_contains(err.text, "git lfs pull");
    assert_int_equal(open_any(&memory, "GIF89a whatever", 15, &err), STATUS_BAD_FORMAT);
    assert_contains(err.text, "neither a safetensors file nor a PyTorch file");
    assert_int_equal(open_any(&memory, "", 0, &err), STATUS_BAD_FORMAT);
    assert_contains(err.text, "empty");
    close(memory.fd);
    struct tensor_file *file = NULL;
    assert_int_equal(tensor_file_open(&file, DATA "absent", &err), STATUS_NOT_FOUND);
    assert_contains(err.text, DATA "absent");
    assert_int_not_equal(tensor_file_open(&file, DATA, &err), STATUS_OK);
    assert_null(file);
}

/* A header of 640 bytes begins with 0x80 0x02, as a pickle does. */
static void a_header_length_is_not_taken_for_a_pickle(void **state)
{
    (void)state;
    char header[1281];
    for (int length = 640; length <= 1280; length++) {
        snprintf(header, sizeof header, "%-*s", length, "{}");
        assert_header(header, 0, NULL);
    }
}

static void all_binary16_numbers_are_converted(void **state)
{
    (void)state;
    struct memory_file memory = memory_file_make();
    static const char header[] = "{" ONE("a", "F16", "[65536]", "[0,131072]") "} ";
    struct bytes bytes = make_file(header, sizeof header - 1, 131072);
    for (uint32_t i = 0; i < 65536; i++) {
        uint16_t half = (uint16_t)i;
        memcpy(bytes.data + 8 + sizeof header - 1 + 2 * i, &half, 2);
    }
    memory_file_set(&memory, bytes.data, bytes.size);
    struct tensor_file *file = NULL;
    struct error err = {""};
    assert_ok(tensor_file_open(&file, memory.path, &err), err);
    static float values[65536];
    static uint16_t halves[65536];
    assert_ok(tensor_read(file, &file->tensors[0], DTYPE_F32, values, &err), err);
    assert_ok(tensor_read(file, &file->tensors[0], DTYPE_BF16, halves, &err), err);
    for (uint32_t i = 0; i < 65536; i++) {
        float expected = float_from_f16((uint16_t)i);
        assert_int_equal(bits_from_float(values[i]), bits_from_float(expected));
        assert_int_equal(halves[i], bf16_from_float(expected));
    }
    tensor_file_close(file);
    free(bytes.data);
    close(memory.fd);
}

/* More than one piece and more than one block, at an odd address, read twice: dropped pages come
 * back. */
static void a_large_tensor_is_read_in_pieces(void **state)
{
    (void)state;
    enum { N = 9000001 };
    char header[256];
    int length =
        snprintf(header, sizeof header, "{" ONE("a", "F32", "[%d]", "[0,%d]") "}", N, 4 * N);
    struct memory_file memory = memory_file_make();
    struct bytes bytes = make_file(header, (size_t)length, 4 * (size_t)N);
    for (int i = 0; i < N; i++) {
        float value = (float)i * 0.37f;
        memcpy(bytes.data + 8 + length + 4 * (size_t)i, &value, 4);
    }
    memory_file_set(&memory, bytes.data, bytes.size);
    struct tensor_file *file = NULL;
    struct error err = {""};
    assert_ok(tensor_file_open(&file, memory.path, &err), err);
    float *values = malloc(4 * (size_t)N);
    uint16_t *halves = malloc(2 * (size_t)N);
    for (int round = 0; round < 2; round++) {
        memset(values, 0xFF, 4 * (size_t)N);
        assert_ok(tensor_read(file, &file->tensors[0], DTYPE_F32, values, &err), err);
        assert_memory_equal(values, bytes.data + 8 + length, 4 * (size_t)N);
    }
    assert_ok(tensor_read(file, &file->tensors[0], DTYPE_BF16, halves, &err), err);
    size_t wrong = 0;
    for (int i = 0; i < N; i++)
        wrong += halves[i] != bf16_from_float((float)i * 0.37f);
    assert_int_equal(wrong, 0);
    free(values);
    free(halves);
    tensor_file_close(file);
    free(bytes.data);
    close(memory.fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_file_reads_as_in_pytorch),
        cmocka_unit_test(tensors_are_listed_in_the_order_of_their_data),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(every_flipped_bit_of_the_header_is_survived),
        cmocka_unit_test(lack_of_memory_is_reported),
        cmocka_unit_test(headers_that_are_sound_are_accepted),
        cmocka_unit_test(every_dtype_has_its_size_checked),
        cmocka_unit_test(damaged_headers_are_refused_by_name),
        cmocka_unit_test(tensors_cover_the_data_exactly),
        cmocka_unit_test(names_are_unique_and_printable),
        cmocka_unit_test(the_header_is_bounded),
        cmocka_unit_test(files_of_other_kinds_are_refused_by_name),
        cmocka_unit_test(a_header_length_is_not_taken_for_a_pickle),
        cmocka_unit_test(all_binary16_numbers_are_converted),
        cmocka_unit_test(a_large_tensor_is_read_in_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
