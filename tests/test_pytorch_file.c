#include "tests/tensor_files.h"

#include "engine/formats/pytorch_zip.h"

#include <math.h>

/* Pieces of pickle, protocol 2. */
#define STRING(length, text) "X" length "\0\0\0" text
#define STORAGE(type, key, size)                                                                   \
    "(" STRING("\7", "storage") "ctorch\n" type "\n" key STRING("\3", "cpu") size "tQ"
#define TENSOR_OF(storage, offset, shape, stride)                                                  \
    "ctorch._utils\n_rebuild_tensor_v2\n(" storage offset shape stride "\x89"                      \
    "}tR"
#define FOUR STORAGE("FloatStorage", STRING("\1", "0"), "K\4")
#define TENSOR(offset, shape, stride) TENSOR_OF(FOUR, offset, shape, stride)
#define SOUND TENSOR("K\0", "K\4\x85", "K\1\x85")
#define KEY_A STRING("\1", "a")
#define HUGE_INT "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f"
#define DICT(entries) "\x80\2}(" entries "u."

static unsigned char *put(unsigned char *at, uint64_t value, int count)
{
    for (int i = 0; i < count; i++)
        *at++ = (unsigned char)(i < 8 ? value >> 8 * i : 0);
    return at;
}

static unsigned char *put_bytes(unsigned char *at, const void *bytes, size_t size)
{
    memcpy(at, bytes, size);
    return at + size;
}

/* The archive that torch.save would make of this pickle and one storage of 16 bytes, 1 to 4 as
 * floats; checksums are left out.  With zip64 sizes and offsets stand in an extra field, behind
 * one that nobody knows. */
static struct bytes make_archive(const char *pickle, size_t pickle_bytes, bool zip64)
{
    static const float storage[4] = {1, 2, 3, 4};
    const char *names[] = {"x/data.pkl", "x/data/0"};
    const void *data[] = {pickle, storage};
    size_t sizes[] = {pickle_bytes, sizeof storage}, offsets[2];
    struct bytes bytes = {.data = malloc(pickle_bytes + 1024)};
    assert_non_null(bytes.data);
    unsigned char *at = bytes.data;
    for (int i = 0; i < 2; i++) {
        offsets[i] = (size_t)(at - bytes.data);
        at = put(put(at, 0x04034b50, 4), 0, 14);
        at = put(put(at, sizes[i], 4), sizes[i], 4);
        at = put_bytes(put(at, strlen(names[i]), 4), names[i], strlen(names[i]));
        at = put_bytes(at, data[i], sizes[i]);
    }
    size_t directory = (size_t)(at - bytes.data);
    for (int i = 0; i < 2; i++) {
        at = put(put(at, 0x02014b50, 4), 0, 16);
        at = put(put(at, zip64 ? UINT32_MAX : sizes[i], 4), zip64 ? UINT32_MAX : sizes[i], 4);
        at = put(put(put(at, strlen(names[i]), 2), zip64 ? 34 : 0, 2), 0, 10);
        at = put(at, zip64 ? UINT32_MAX : offsets[i], 4);
        at = put_bytes(at, names[i], strlen(names[i]));
        if (zip64) {
            at = put(put(put(at, 0x4246, 2), 2, 2), 0, 2);
            at = put(put(put(at, 1, 2), 24, 2), sizes[i], 8);
            at = put(put(at, sizes[i], 8), offsets[i], 8);
        }
    }
    size_t end = (size_t)(at - bytes.data);
    at = put(put(put(at, 0x06054b50, 4), 0, 4), 2, 2);
    at = put(put(put(put(at, 2, 2), end - directory, 4), directory, 4), 0, 2);
    bytes.size = (size_t)(at - bytes.data);
    return bytes;
}

static void check_pickle(const char *pickle, size_t size, const char *sentence)
{
    struct memory_file memory = memory_file_make();
    struct bytes bytes = make_archive(pickle, size, false);
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

#define ASSERT_PICKLE(pickle, sentence) check_pickle(pickle, sizeof(pickle) - 1, sentence)

static void assert_refused(const char *name, const char *sentence)
{
    char path[256];
    struct tensor_file *file = NULL;
    struct error err = {""};
    snprintf(path, sizeof path, DATA "%s", name);
    assert_int_not_equal(tensor_file_open(&file, path, &err), STATUS_OK);
    assert_null(file);
    assert_contains(err.text, path);
    assert_contains(err.text, sentence);
}

static void sound_files_read_as_in_pytorch(void **state)
{
    (void)state;
    assert_as_pytorch_reads("sound.pt");
    assert_as_pytorch_reads("protocol5.pt");
    assert_as_pytorch_reads("small.pt");
    assert_as_pytorch_reads("no_crc.pt");
}

static void names_that_share_a_storage_share_bytes(void **state)
{
    (void)state;
    struct tensor_file *file = NULL;
    struct error err = {""};
    assert_ok(tensor_file_open(&file, DATA "sound.pt", &err), err);
    assert_string_equal(file->format->name, "pytorch");
    const struct tensor_view *a = tensor_file_find(file, "tied.a");
    assert_ptr_equal(a->data, tensor_file_find(file, "tied.b")->data);
    assert_ptr_equal(a->data + 16, tensor_file_find(file, "tied.row")->data);
    assert_int_equal(tensor_file_find(file, "transposed")->stride[0], 1);
    assert_non_null(tensor_file_find(file, "model.projector.projector.0.weight"));
    assert_null(tensor_file_find(file, "model.projector"));
    assert_null(tensor_file_find(file, "note"));
    const struct tensor_view *ids = tensor_file_find(file, "long");
    int64_t values[3];
    assert_int_equal(tensor_read(file, ids, DTYPE_BF16, values, &err), STATUS_UNSUPPORTED);
    assert_contains(err.text, "tensor long holds LongStorage");
    tensor_file_close(file);
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    assert_every_truncation_is_refused(DATA "sound.pt");
    assert_every_truncation_is_refused(DATA "small.pt");
}

static void every_flipped_bit_is_survived(void **state)
{
    (void)state;
    struct bytes bytes = load_bytes(DATA "small.pt");
    assert_true(flip_bits(bytes, 0, bytes.size) > 0);
    /* With its checksum nothing of the pickle can change. */
    const unsigned char *pickle = memmem(bytes.data, bytes.size, "\x80\2", 2);
    const unsigned char *next = memmem(bytes.data, bytes.size, "PK\7\10", 4);
    assert_true(pickle && next > pickle);
    size_t start = (size_t)(pickle - bytes.data), end = (size_t)(next - bytes.data);
    assert_int_equal(flip_bits(bytes, start, end), 8 * (end - start));
    free(bytes.data);
}

/* Zeroes the checksum of the first member, data.pkl, in the directory. */
static void leave_out_checksum(struct bytes bytes)
{
    unsigned char *entry = memmem(bytes.data, bytes.size, "PK\1\2", 4);
    assert_non_null(entry);
    memset(entry + 16, 0, 4);
}

static void every_flipped_bit_of_a_pickle_without_checksum_is_survived(void **state)
{
    (void)state;
    const char *paths[] = {DATA "sound.pt", DATA "protocol5.pt"};
    for (size_t i = 0; i < 2; i++) {
        struct bytes bytes = load_bytes(paths[i]);
        leave_out_checksum(bytes);
        const unsigned char *next = memmem(bytes.data, bytes.size, "PK\7\10", 4);
        assert_non_null(next);
        size_t end = (size_t)(next - bytes.data);
        size_t refused = flip_bits(bytes, 0, end);
        assert_true(refused > 2 * end && refused < 8 * end);
        free(bytes.data);
    }
}

static void lack_of_memory_is_reported(void **state)
{
    (void)state;
    assert_lack_of_memory_is_reported(DATA "sound.pt");
    assert_lack_of_memory_is_reported(DATA "small.pt");
}

static void calls_of_anything_else_are_refused(void **state)
{
    (void)state;
    assert_refused("system.pt", "small/data.pkl, byte 13: the pickle asks for posix.system");
    assert_refused("eval.pt", "byte 13: the pickle asks for __builtin__.eval");
    ASSERT_PICKLE("\x80\2cos\nsystem\n(X\4\0\0\0echotR.", "byte 2: the pickle asks for os.system");
    ASSERT_PICKLE("\x80\4\x8c\2os\x8c\6system\x93)R.", "the pickle asks for os.system");
    ASSERT_PICKLE("\x80\2ctorch\nload\n)R.", "the pickle asks for torch.load");
    ASSERT_PICKLE("\x80\2ctorch._utils\n_rebuild_tensor_v2.__globals__\n.", "asks for");
    ASSERT_PICKLE("\x80\2c\x1b[2J\n\xff\n.", "the pickle asks for ?[2J.?,");
    ASSERT_PICKLE("\x80\2ctorch\nFloatStorage\n)R.", "cannot be called");
    ASSERT_PICKLE("\x80\2}}R.", "cannot be called");
    ASSERT_PICKLE("\x80\2)\x81.", "opcode 0x81");
    ASSERT_PICKLE("\x80\2(icos\nsystem\n.", "opcode 0x69");
    ASSERT_PICKLE("\x80\2"
                  "Pos\n.",
                  "opcode 0x50");
}

static void archives_of_another_kind_are_refused_by_name(void **state)
{
    (void)state;
    assert_refused("legacy.pt", "of the old form");
    assert_refused("compressed.pt", "/data.pkl is compressed (ZIP method 8)");
    assert_refused("big_endian.pt", "byteorder does not say \"little\"");
    assert_refused("plain.zip", "there is no member readme/data.pkl");
    assert_refused("bare_tensor.pt", "something else than a dict");
    assert_refused("expanded.pt", "tensor a: 1000 elements out of a storage of 1");
    assert_refused("two_names.pt", "two tensors are called a.b");
    assert_refused("no_storage.pt", "tensor bias: the archive has no member for its storage 1");
    assert_refused("short_storage.pt",
                   "tensor weight: a FloatStorage of 6 elements, but member small/data/0 has 20");
}

static void tensors_stay_within_their_storage(void **state)
{
    (void)state;
    ASSERT_PICKLE(DICT(KEY_A SOUND), NULL);
    ASSERT_PICKLE(DICT(KEY_A TENSOR("K\1", "K\3\x85", "K\1\x85")), NULL);
    ASSERT_PICKLE(DICT(KEY_A TENSOR("K\4", "K\0\x85", "K\1\x85")), NULL);
    ASSERT_PICKLE(DICT(KEY_A TENSOR("K\1", "K\4\x85", "K\1\x85")),
                  "tensor a: its last element is number 4 of a storage of 4");
    ASSERT_PICKLE(DICT(KEY_A TENSOR("K\0", "K\2\x85", "K\4\x85")), "tensor a: its last element");
    ASSERT_PICKLE(DICT(KEY_A TENSOR("K\5", "K\0\x85", "K\1\x85")), "tensor a: it begins behind");
    ASSERT_PICKLE(DICT(KEY_A TENSOR(HUGE_INT, "K\1\x85", "K\1\x85")), "tensor a: it begins behind");
    ASSERT_PICKLE(DICT(KEY_A TENSOR("K\4", "K\2\x85", HUGE_INT "\x85")), "its strides overflow");
    ASSERT_PICKLE(DICT(KEY_A TENSOR("K\0", "K\3\x85", HUGE_INT "\x85")), "its strides overflow");
    ASSERT_PICKLE(DICT(KEY_A TENSOR("K\0", HUGE_INT HUGE_INT "\x86", "K\0K\0\x86")),
                  "tensor a: the product of its shape overflows");
    ASSERT_PICKLE(DICT(KEY_A TENSOR("K\0", "M\xff\xff\x85", "K\0\x85")), "elements repeated");
    ASSERT_PICKLE(DICT(KEY_A TENSOR("J\xff\xff\xff\xff", "K\1\x85", "K\1\x85")), "storage offset");
    ASSERT_PICKLE(DICT(KEY_A TENSOR("K\0", "J\xff\xff\xff\xff\x85", "K\1\x85")),
                  "the shape of a tensor");
    ASSERT_PICKLE(DICT(KEY_A TENSOR("K\0", "K\1\x85", "J\xff\xff\xff\xff\x85")),
                  "the stride of a tensor");
    ASSERT_PICKLE(DICT(KEY_A TENSOR("K\0", "K\1K\1\x86", "K\1\x85")),
                  "2 dimensions, but 1 strides");
    ASSERT_PICKLE(DICT(KEY_A TENSOR("K\0", "(K\1K\1K\1K\1K\1K\1K\1K\1K\1t", ")")),
                  "has 9 numbers, at most 8");
    ASSERT_PICKLE(DICT(KEY_A TENSOR("K\0", "K\1", "K\1\x85")), "is not a tuple");
}

static void storages_are_members_of_their_size(void **state)
{
    (void)state;
#define A_WITH(storage) DICT(KEY_A TENSOR_OF(storage, "K\0", "K\1\x85", "K\1\x85"))
    ASSERT_PICKLE(A_WITH(STORAGE("HalfStorage", STRING("\1", "0"), "K\10")), NULL);
    ASSERT_PICKLE(A_WITH(STORAGE("HalfStorage", STRING("\1", "0"), "K\4")),
                  "tensor a: a HalfStorage of 4 elements, but member x/data/0 has 16 bytes");
    ASSERT_PICKLE(A_WITH(STORAGE("FloatStorage", STRING("\1", "0"), HUGE_INT)),
                  "tensor a: a Float");
    ASSERT_PICKLE(A_WITH(STORAGE("FloatStorage", STRING("\1", "7"), "K\4")), "no member for its");
    ASSERT_PICKLE(A_WITH(STORAGE("FloatStorage", STRING("\0", ""), "K\4")), "key of its storage");
    ASSERT_PICKLE(A_WITH(STORAGE("FloatStorage", STRING("\2", "0\0"), "K\4")),
                  "key of its storage");
    ASSERT_PICKLE(A_WITH(STORAGE("FloatStorage", "K\1", "K\4")),
                  "key of a storage is not a string");
    ASSERT_PICKLE(A_WITH(STORAGE("FloatStorage", STRING("\1", "0"), "N")), "size of a storage");
    ASSERT_PICKLE(A_WITH(STORAGE("Size", STRING("\1", "0"), "K\4")), "has no type of storage");
    ASSERT_PICKLE(A_WITH("NQ"), "a persistent id is not a storage");
    ASSERT_PICKLE(A_WITH("N"), "without a storage");
#undef A_WITH
}

static void names_are_checked(void **state)
{
    (void)state;
    ASSERT_PICKLE(DICT("K\7" SOUND), NULL);
    ASSERT_PICKLE(DICT("N" SOUND), "neither a string nor an integer");
    ASSERT_PICKLE(DICT("NN"), NULL);
    ASSERT_PICKLE(DICT(KEY_A SOUND KEY_A SOUND), "two tensors are called a");
    ASSERT_PICKLE(DICT(STRING("\2", "a\0") SOUND), "a NUL character");
    ASSERT_PICKLE(DICT(STRING("\1", "\n") SOUND), "control character 10");
    ASSERT_PICKLE(DICT(STRING("\1", "\xe9") SOUND), "is not UTF-8");
}

static void damaged_pickles_are_refused_with_the_byte(void **state)
{
    (void)state;
    ASSERT_PICKLE("", "byte 0: the pickle ends without STOP");
    ASSERT_PICKLE("}.", "byte 0: it does not begin");
    ASSERT_PICKLE("\x80\1}.", "protocol 1");
    ASSERT_PICKLE("\x80\6}.", "protocol 6");
    ASSERT_PICKLE("\x80\2}", "byte 3: the pickle ends without STOP");
    ASSERT_PICKLE("\x80\2}}.", "byte 4: it stops with more than one value");
    ASSERT_PICKLE("\x80\2(.", "byte 3: a value is taken from an empty stack");
    ASSERT_PICKLE("\x80\2u", "there is no mark");
    ASSERT_PICKLE("\x80\2(u", "empty stack");
    ASSERT_PICKLE("\x80\2](Nu", "something else than a dict");
    ASSERT_PICKLE("\x80\2}Na", "something else than a list");
    ASSERT_PICKLE("\x80\2}(Nu", "a key has no value");
    ASSERT_PICKLE("\x80\2(\x85", "empty stack");
    ASSERT_PICKLE("\x80\2(t.", "something else than a dict");
    ASSERT_PICKLE("\x80\2M\1", "within opcode BININT2");
    ASSERT_PICKLE("\x80\2X\5\0\0\0abc", "beyond the end of the pickle");
    ASSERT_PICKLE("\x80\2\x8d\xff\xff\xff\xff\xff\xff\xff\xff", "beyond the end of the pickle");
    ASSERT_PICKLE("\x80\4\x95\xff\xff\xff\xff\xff\xff\xff\xff.", "a frame reaches");
    ASSERT_PICKLE("\x80\2\x8a\5abc", "beyond the end of the pickle");
    ASSERT_PICKLE("\x80\2cos\nsystem", "a name reaches beyond");
    ASSERT_PICKLE("\x80\2h\0.", "no such entry");
    ASSERT_PICKLE("\x80\2}r\xff\xff\xff\xff.", "not numbered one by one");
    ASSERT_PICKLE("\x80\2NNb.", "attributes are set");
    ASSERT_PICKLE("\x80\2}\x8a\xff", "beyond the end");
}

static void pickles_that_grow_are_bounded(void **state)
{
    (void)state;
    /* A dict in itself. */
    ASSERT_PICKLE("\x80\2}q\0" KEY_A "h\0s.", "nested deeper than 32");

    /* Each dict holds the next one twice, 2^24 paths: {a: {a: ..., b: same}, b: same}. */
    unsigned char pickle[2000], *at = put_bytes(pickle, "\x80\2", 2);
    for (int i = 0; i < 24; i++)
        at = put_bytes(at, "}(" KEY_A, 8);
    at = put_bytes(at, "}", 1);
    for (int i = 0; i < 24; i++) {
        at = put_bytes(at, "q", 1);
        *at++ = (unsigned char)i;
        at = put_bytes(at, STRING("\1", "b") "h", 7);
        *at++ = (unsigned char)i;
        at = put_bytes(at, "u", 1);
    }
    at = put_bytes(at, ".", 1);
    check_pickle((const char *)pickle, (size_t)(at - pickle), "dict entries");
}

static unsigned char *repeat(size_t count, const char *piece, size_t *size)
{
    size_t length = strlen(piece);
    unsigned char *data = malloc(2 + count * length);
    assert_non_null(data);
    memcpy(data, "\x80\2", 2);
    for (size_t i = 0; i < count; i++)
        memcpy(data + 2 + i * length, piece, length);
    *size = 2 + count * length;
    return data;
}

static void endless_pickles_are_bounded(void **state)
{
    (void)state;
    static const struct {
        const char *piece, *sentence;
        size_t count;
    } cases[] = {{"(", "nested deeper than any", 300},
                 {"N", "the stack is deeper", (1 << 20) + 1},
                 {"}]\x86Nb", "attributes are set", 1},
                 {"N\x85", "the stack is deeper", 2 << 20},
                 {"}NNs", "the stack is deeper", 2 << 20},
                 {"](NNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNe",
                  "more values", 1 << 17}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t size;
        unsigned char *pickle = repeat(cases[i].count, cases[i].piece, &size);
        check_pickle((const char *)pickle, size, cases[i].sentence);
        free(pickle);
    }
}

static void archives_are_checked_before_use(void **state)
{
    (void)state;
    static const char pickle[] = DICT(KEY_A SOUND);
    struct memory_file memory = memory_file_make();
    struct error err;
    struct bytes bytes = make_archive(pickle, sizeof pickle - 1, false);
    size_t first =
        (size_t)((unsigned char *)memmem(bytes.data, bytes.size, "PK\1\2", 4) - bytes.data);
    size_t end = bytes.size - 22;
    const struct {
        size_t at;
        int count;
        uint64_t value;
        const char *sentence;
    } cases[] = {
        {first + 8, 2, 1, "x/data.pkl is encrypted"},
        {first + 10, 2, 12, "(ZIP method 12)"},
        {first + 20, 4, 1, "its two sizes differ"},
        {first + 20, 4, UINT32_MAX, "lacks its ZIP64 sizes"},
        {first + 28, 2, 0, "name is empty"},
        {first + 28, 2, 65535, "reaches beyond the directory"},
        {first + 42, 4, 1, "no header of that name at byte 1"},
        {first + 42, 4, 0xFFFFFFF0, "its header lies outside"},
        {first + 46, 1, 7, "control character"},
        {first + 46, 1, 'y', "no header of that name"},
        {28, 2, 60000, "no header of that name"},
        {end + 4, 2, 1, "split over several files"},
        {end + 10, 2, 0, "directory is empty"},
        {end + 10, 2, 3, "too small for its entries"},
        {first + 56, 1, 0, "no ZIP directory entry"},
        {end + 10, 2, 60000, "too small for its entries"},
        {end + 12, 4, UINT32_MAX, "directory lies outside"},
        {end + 16, 4, UINT32_MAX, "directory lies outside"},
        {end + 20, 2, 1, "no ZIP directory within"},
    };
    assert_ok(open_any(&memory, bytes.data, bytes.size, &err), err);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned char saved[8];
        memcpy(saved, bytes.data + cases[i].at, (size_t)cases[i].count);
        put(bytes.data + cases[i].at, cases[i].value, cases[i].count);
        if (open_any(&memory, bytes.data, bytes.size, &err) == STATUS_OK)
            fail_msg("case %zu was opened", i);
        assert_contains(err.text, cases[i].sentence);
        memcpy(bytes.data + cases[i].at, saved, (size_t)cases[i].count);
    }
    free(bytes.data);
    close(memory.fd);
}

static void zip64_sizes_and_offsets_are_followed(void **state)
{
    (void)state;
    static const char pickle[] = DICT(KEY_A SOUND);
    struct memory_file memory = memory_file_make();
    struct bytes bytes = make_archive(pickle, sizeof pickle - 1, true);
    struct tensor_file *file = NULL;
    struct error err = {""};
    float values[4];
    memory_file_set(&memory, bytes.data, bytes.size);
    assert_ok(tensor_file_open(&file, memory.path, &err), err);
    assert_ok(tensor_read(file, &file->tensors[0], DTYPE_F32, values, &err), err);
    assert_true(values[0] == 1 && values[3] == 4);
    tensor_file_close(file);

    unsigned char *extra = memmem(bytes.data, bytes.size, "\1\0\30\0", 4);
    assert_non_null(extra);
    static const struct {
        int at, count;
        uint64_t value;
        const char *sentence;
    } cases[] = {{0, 2, 2, "lacks its ZIP64 sizes"},
                 {2, 2, 23, "lacks its ZIP64 sizes"},
                 {2, 2, 25, "lacks its ZIP64 sizes"},
                 {4, 8, UINT64_MAX, "its two sizes differ"},
                 {20, 8, UINT64_MAX, "its header lies outside"},
                 {20, 8, 1, "no header of that name"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned char saved[28];
        memcpy(saved, extra, sizeof saved);
        put(extra + cases[i].at, cases[i].value, cases[i].count);
        assert_int_not_equal(open_any(&memory, bytes.data, bytes.size, &err), STATUS_OK);
        assert_contains(err.text, cases[i].sentence);
        memcpy(extra, saved, sizeof saved);
    }
    put(put(extra + 4, UINT64_MAX, 8), UINT64_MAX, 8);
    assert_int_not_equal(open_any(&memory, bytes.data, bytes.size, &err), STATUS_OK);
    assert_contains(err.text, "reach beyond byte");
    free(bytes.data);
    close(memory.fd);
}

static void the_zip64_end_record_is_checked(void **state)
{
    (void)state;
    struct bytes bytes = load_bytes(DATA "small.pt");
    struct memory_file memory = memory_file_make();
    struct error err;
    size_t locator = bytes.size - 22 - 20, record = locator - 56;
    assert_memory_equal(bytes.data + record, "PK\6\6", 4);
    const struct {
        size_t at;
        uint64_t value;
        const char *sentence;
    } cases[] = {{locator + 8, UINT64_MAX, "points outside the file"},
                 {locator + 8, locator - 55, "points outside the file"},
                 {locator + 8, 0, "no ZIP64 end record"},
                 {record + 16, 1, "split over several files"},
                 {record + 32, 0, "directory is empty"},
                 {record + 32, UINT64_MAX, "too small for its entries"},
                 {record + 40, UINT64_MAX, "directory lies outside"},
                 {record + 48, UINT64_MAX, "directory lies outside"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned char saved[8];
        memcpy(saved, bytes.data + cases[i].at, 8);
        put(bytes.data + cases[i].at, cases[i].value, 8);
        assert_int_not_equal(open_any(&memory, bytes.data, bytes.size, &err), STATUS_OK);
        assert_contains(err.text, cases[i].sentence);
        memcpy(bytes.data + cases[i].at, saved, 8);
    }
    free(bytes.data);
    close(memory.fd);
}

static void the_checksum_is_that_of_zip(void **state)
{
    (void)state;
    /* The check value of CRC-32 in every catalogue. */
    assert_int_equal(zip_crc32((const unsigned char *)"123456789", 9), 0xCBF43926u);
    assert_int_equal(zip_crc32(NULL, 0), 0);
}

static void check_sums(const char *path, const cJSON *row)
{
    struct tensor_file *file = NULL;
    struct error err = {""};
    size_t floats = 0, elements = 0;
    double sum = 0, sumsq = 0, bf16_error = 0;
    assert_ok(tensor_file_open(&file, path, &err), err);
    for (size_t i = 0; i < file->n_tensors; i++) {
        const struct tensor_view *view = &file->tensors[i];
        if (view->dtype == DTYPE_OTHER)
            continue;
        size_t n = tensor_elements(view);
        float *values = malloc(n * sizeof *values + 1);
        uint16_t *halves = malloc(n * sizeof *halves + 1);
        assert_ok(tensor_read(file, view, DTYPE_F32, values, &err), err);
        assert_ok(tensor_read(file, view, DTYPE_BF16, halves, &err), err);
        for (size_t j = 0; j < n; j++) {
            float half;
            uint32_t bits = (uint32_t)halves[j] << 16;
            memcpy(&half, &bits, sizeof half);
            sum += values[j];
            sumsq += (double)values[j] * values[j];
            bf16_error = fmax(bf16_error, fabs((double)half - values[j]) - fabs(values[j]) / 256);
        }
        floats++;
        elements += n;
        free(values);
        free(halves);
    }
    assert_int_equal(file->n_tensors, json_int_or(row, "tensors", -1));
    assert_int_equal(floats, json_int_or(row, "floats", -1));
    assert_int_equal(elements, json_int_or(row, "elements", -1));
    double expected = json_number_or(row, "sumsq", -1);
    double room = 1e-10 * sqrt((double)elements * expected);
    if (!(fabs(sum - json_number_or(row, "sum", NAN)) <= room) ||
        !(fabs(sumsq - expected) <= 1e-10 * expected) || !(bf16_error <= 1e-38))
        fail_msg("%s: sum %.17g, sumsq %.17g", path, sum, sumsq);
    tensor_file_close(file);
}

static void the_fixtures_sum_up_as_in_pytorch(void **state)
{
    (void)state;
    const char *shared = shared_or_skip("the_fixtures_sum_up_as_in_pytorch");
    if (!shared)
        skip();
    cJSON *root = NULL;
    struct error err = {""};
    assert_ok(json_read(&root, DATA "shared_sums.json", &err), err);
    const cJSON *row;
    int n = 0;
    cJSON_ArrayForEach(row, root)
    {
        char path[1024];
        snprintf(path, sizeof path, "%s/fixtures/%s", shared, row->string);
        check_sums(path, row);
        n++;
    }
    assert_true(n > 30);
    cJSON_Delete(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_files_read_as_in_pytorch),
        cmocka_unit_test(names_that_share_a_storage_share_bytes),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(every_flipped_bit_is_survived),
        cmocka_unit_test(every_flipped_bit_of_a_pickle_without_checksum_is_survived),
        cmocka_unit_test(lack_of_memory_is_reported),
        cmocka_unit_test(calls_of_anything_else_are_refused),
        cmocka_unit_test(archives_of_another_kind_are_refused_by_name),
        cmocka_unit_test(tensors_stay_within_their_storage),
        cmocka_unit_test(storages_are_members_of_their_size),
        cmocka_unit_test(names_are_checked),
        cmocka_unit_test(damaged_pickles_are_refused_with_the_byte),
        cmocka_unit_test(pickles_that_grow_are_bounded),
        cmocka_unit_test(endless_pickles_are_bounded),
        cmocka_unit_test(archives_are_checked_before_use),
        cmocka_unit_test(zip64_sizes_and_offsets_are_followed),
        cmocka_unit_test(the_zip64_end_record_is_checked),
        cmocka_unit_test(the_checksum_is_that_of_zip),
        cmocka_unit_test(the_fixtures_sum_up_as_in_pytorch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
