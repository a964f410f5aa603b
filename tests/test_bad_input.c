/* Damage that any file of any benchmark can have, and any file of predictions: every loader and
 * every format refuses it with the file, and says why.  What only one of them can have is in its
 * own test. */
#include "tests/imported.h"

#include "engine/base/json.h"

#include <unistd.h>

/* A file of a benchmark, and the beginning of a string in it that is read. */
struct place {
    const char *kind, *variant, *directory, *file, *marker;
};

static const struct place places[] = {
    {"gqa", NULL, "tests/data/gqa", "testdev_balanced_questions.json", "\"question\": \""},
    {"gqa", NULL, "tests/data/gqa", "testdev_choices.json", "\"valid\": [\""},
    {"pope", NULL, "tests/data/pope", "coco_pope_popular.json", "\"text\": \""},
    {"textvqa", "val", "tests/data/textvqa", "TextVQA_0.5.1_val.json", "\"answers\": [\""},
    {"textvqa", "val-tri", "tests/data/textvqa", "textvqa_val_v051_ocr.jsonl", "\"text\": \""},
    {"textvqa", "val-llava", "tests/data/textvqa", "llava_textvqa_val_v051_ocr.jsonl",
     "\"text\": \""},
    {"textvqa", "val-rosetta", "tests/data/textvqa", "TextVQA_Rosetta_OCR_v0.2_val.json",
     "\"ocr_tokens\": [\""},
    {"vizwiz", "val", "tests/data/vizwiz", "val.json", "\"answer\": \""},
    {"vizwiz", "test", "tests/data/vizwiz", "test.json", "\"question\": \""},
    {"vqav2", NULL, "tests/data/vqav2", "v2_OpenEnded_mscoco_val2014_questions.json",
     "\"question\": \""},
    {"vqav2", NULL, "tests/data/vqav2", "v2_mscoco_val2014_annotations.json", "\"answer\": \""},
    {"vsr", NULL, "tests/data/vsr", "test.jsonl", "\"caption\": \""},
};
enum { N_PLACES = sizeof places / sizeof places[0] };

/* Bytes put into the string, or (before) in front of its key. */
struct damage {
    const char *bytes;
    size_t size;
    bool before;
    const char *reason;
};

#define IN(bytes, reason)                                                                          \
    {                                                                                              \
        bytes, sizeof bytes - 1, false, reason                                                     \
    }
#define BEFORE(bytes, reason)                                                                      \
    {                                                                                              \
        bytes, sizeof bytes - 1, true, reason                                                      \
    }

static const struct damage damages[] = {
    IN("\x01", "a raw control character in a string"),
    IN("\t", "a raw control character in a string"),
    IN("\0", ""), /* lines say NUL, arrays a control character */
    IN("\xFF", "not UTF-8"),
    IN("\xED\xA0\x80", "not UTF-8"), /* a surrogate */
    IN("\xC3", "not UTF-8"),
    IN("\\ud800", "half of a surrogate pair"),
    IN("\\udfff", "half of a surrogate pair"),
    IN("\\q", "not valid JSON"),
    BEFORE("\x0b", "a control character"),
    BEFORE("\"more\": 01, ", "not a number"),
    BEFORE("\"more\": 1., ", "not a number"),
    BEFORE("'more': 1, ", "not valid JSON"),
};
enum { N_DAMAGES = sizeof damages / sizeof damages[0] };

static void copy_all(const char *from, const struct folder *folder)
{
    char command[256];
    snprintf(command, sizeof command, "cp -r %s/. %s", from, folder->path);
    assert_int_equal(system(command), 0);
}

/* The file with bytes put in at its first marker. */
static void damage_file(const struct folder *folder, const struct place *place,
                        const struct damage *damage)
{
    struct arena arena;
    struct error err = {""};
    char path[256], *text;
    size_t size;
    arena_init(&arena);
    snprintf(path, sizeof path, "%s/%s", place->directory, place->file);
    assert_ok(file_read(path, &arena, &text, &size, &err), err);
    const char *marker = strstr(text, place->marker);
    if (!marker)
        fail_msg("%s has no %s", path, place->marker);
    size_t at = (size_t)(marker - text) + (damage->before ? 0 : strlen(place->marker));
    char *damaged = malloc(size + damage->size);
    assert_non_null(damaged);
    memcpy(damaged, text, at);
    memcpy(damaged + at, damage->bytes, damage->size);
    memcpy(damaged + at + damage->size, text + at, size - at);
    folder_write_bytes(folder, place->file, damaged, size + damage->size);
    free(damaged);
    arena_release(&arena);
}

/* Loading is refused with a sentence that begins with the file. */
static void assert_refused(const struct folder *folder, const struct place *place,
                           const char *reason)
{
    char start[256];
    struct dataset set;
    struct error err = {""};
    enum status status =
        dataset_open(&set, dataset_kind_find(place->kind), place->variant, folder->path, &err);
    snprintf(start, sizeof start, "%s/%s:", folder->path, place->file);
    if (status != STATUS_BAD_FORMAT || strncmp(err.text, start, strlen(start)) != 0 ||
        !strstr(err.text, reason))
        fail_msg("%s: status %d, '%s', expected '%s'", place->file, (int)status, err.text, reason);
}

static void the_files_are_sound_without_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_PLACES; i++) {
        struct dataset set;
        struct error err = {""};
        assert_ok(dataset_open(&set, dataset_kind_find(places[i].kind), places[i].variant,
                               places[i].directory, &err),
                  err);
        dataset_close(&set);
    }
}

static void damaged_text_is_refused_by_every_loader(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_PLACES; i++) {
        struct folder folder = folder_create();
        copy_all(places[i].directory, &folder);
        for (size_t d = 0; d < N_DAMAGES; d++) {
            damage_file(&folder, &places[i], &damages[d]);
            assert_refused(&folder, &places[i], damages[d].reason);
        }
        folder_remove(&folder);
    }
}

static void deep_nesting_is_refused_by_every_loader(void **state)
{
    (void)state;
    enum { DEEP = 5000 };
    static char bytes[2 * DEEP + 32];
    int start = snprintf(bytes, sizeof bytes, "\"more\": ");
    memset(bytes + start, '[', DEEP);
    memset(bytes + start + DEEP, ']', DEEP);
    memcpy(bytes + start + 2 * DEEP, ", ", 2);
    const struct damage damage = {bytes, (size_t)start + 2 * DEEP + 2, true, ""};
    for (size_t i = 0; i < N_PLACES; i++) {
        struct folder folder = folder_create();
        copy_all(places[i].directory, &folder);
        damage_file(&folder, &places[i], &damage);
        assert_refused(&folder, &places[i], "nested deeper than 1,000 levels");
        folder_remove(&folder);
    }
}

/* A string that does not end, longer than any record: the file is refused before it is held. */
static void a_record_without_end_is_refused_by_every_layout(void **state)
{
    (void)state;
    size_t size = JSON_RECORD_BYTES + (1 << 20);
    char *bytes = malloc(size);
    assert_non_null(bytes);
    memset(bytes, 'x', size);
    const struct damage damage = {bytes, size, false, ""};
    /* Members, elements, an array in an object, lines. */
    static const char *const files[] = {"testdev_balanced_questions.json", "val.json",
                                        "v2_mscoco_val2014_annotations.json", "test.jsonl"};
    size_t n = 0;
    for (size_t i = 0; i < N_PLACES; i++)
        for (size_t f = 0; f < sizeof files / sizeof files[0]; f++) {
            if (strcmp(places[i].file, files[f]) != 0)
                continue;
            struct folder folder = folder_create();
            copy_all(places[i].directory, &folder);
            damage_file(&folder, &places[i], &damage);
            assert_refused(&folder, &places[i], "longer than any record");
            folder_remove(&folder);
            n += 1;
        }
    assert_int_equal(n, sizeof files / sizeof files[0]);
    free(bytes);
}

/* A file of predictions as text around a string that is read. */
static const struct {
    const char *format, *name, *kind, *directory, *front, *behind;
} predictions[] = {
    {"jsonl", "p.jsonl", "gqa", "tests/data/gqa", "{\"id\": \"201307251\", \"text\": \"", "\"}\n"},
    {"llava", "p.jsonl", "gqa", "tests/data/gqa", "{\"question_id\": \"201307251\", \"text\": \"",
     "\"}\n"},
    {"triml", "p.json", "gqa", "tests/data/gqa",
     "{\"201307251\": {\"question_id\": \"201307251\", \"model_output\": \"", "\"}}"},
    {"lmms-eval", "p.jsonl", "gqa", "tests/data/gqa", "{\"doc_id\": 0, \"filtered_resps\": [\"",
     "\"]}\n"},
    {"vlmevalkit", "p.json", "gqa", "tests/data/gqa",
     "[{\"index\": \"201307251\", \"question\": \"Is?\", \"prediction\": \"", "\"}]"},
    {"official", "p.json", "gqa", "tests/data/gqa",
     "[{\"questionId\": \"201307251\", \"prediction\": \"", "\"}]"},
    {"evalai", "p.json", "vizwiz", "tests/data/vizwiz",
     "[{\"image\": \"VizWiz_val_00000000.jpg\", \"answer\": \"", "\"}]"},
};
enum { N_PREDICTIONS = sizeof predictions / sizeof predictions[0] };

static void damaged_text_is_refused_by_every_format(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_PREDICTIONS; i++)
        for (size_t d = 0; d < N_DAMAGES; d++) {
            struct imported imported;
            char text[512];
            if (damages[d].before || !damages[d].reason[0])
                continue; /* those of whole strings only: the file is passed as one */
            snprintf(text, sizeof text, "%sno%s%s", predictions[i].front, damages[d].bytes,
                     predictions[i].behind);
            enum status status = import_as(&imported, predictions[i].format, predictions[i].name,
                                           text, predictions[i].kind, predictions[i].directory);
            if (status != STATUS_BAD_FORMAT || !strstr(imported.err.text, predictions[i].name) ||
                !strstr(imported.err.text, damages[d].reason))
                fail_msg("%s: status %d, '%s', expected '%s'", predictions[i].format, (int)status,
                         imported.err.text, damages[d].reason);
            release(&imported);
        }
}

static void a_workbook_is_refused_by_every_format(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_PREDICTIONS; i++) {
        struct imported imported;
        assert_int_equal(import_as(&imported, predictions[i].format, predictions[i].name,
                                   "PK\003\004\024", predictions[i].kind, predictions[i].directory),
                         STATUS_UNSUPPORTED);
        assert_contains(imported.err.text, predictions[i].name);
        assert_contains(imported.err.text, "save it as .tsv or .csv");
        release(&imported);
    }
}

/* A table is read at once: what is too large for one is not read at all. */
static void a_table_of_gigabytes_is_refused_by_its_size(void **state)
{
    (void)state;
    struct folder folder = folder_create();
    struct dataset set;
    struct arena arena;
    struct prediction *unused;
    struct import_notes notes;
    struct error err = {""};
    char path[128];
    arena_init(&arena);
    folder_write(&folder, "m.tsv", "index\tquestion\tprediction\n1\tIs?\t");
    snprintf(path, sizeof path, "%s/m.tsv", folder.path);
    assert_int_equal(truncate(path, (off_t)3 << 30), 0); /* a hole: no disk, no time */
    assert_ok(dataset_open(&set, dataset_kind_find("gqa"), NULL, "tests/data/gqa", &err), err);
    assert_int_equal(predictions_import(import_format_find("vlmevalkit"), path, &set, true, &arena,
                                        &unused, &notes, &err),
                     STATUS_BAD_FORMAT);
    assert_contains(err.text, "m.tsv: 3221225472 bytes");
    dataset_close(&set);
    arena_release(&arena);
    folder_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_files_are_sound_without_it),
        cmocka_unit_test(damaged_text_is_refused_by_every_loader),
        cmocka_unit_test(deep_nesting_is_refused_by_every_loader),
        cmocka_unit_test(a_record_without_end_is_refused_by_every_layout),
        cmocka_unit_test(damaged_text_is_refused_by_every_format),
        cmocka_unit_test(a_workbook_is_refused_by_every_format),
        cmocka_unit_test(a_table_of_gigabytes_is_refused_by_its_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
