#include "tests/check.h"
#include "tests/dataset_files.h"

#include "datasets/dataset.h"
#include "datasets/protocol.h"

#define DATA "tests/data/textvqa"
#define INSTRUCTION "\nAnswer the question using a single word or phrase."

static enum status open_textvqa(struct dataset *set, const char *variant, const char *directory,
                                struct error *err)
{
    return dataset_open(set, dataset_kind_find("textvqa"), variant, directory, err);
}

static void a_question_is_named_by_its_id_and_its_picture(void **state)
{
    (void)state;
    struct dataset set;
    struct error err = {{0}};
    assert_ok(open_textvqa(&set, NULL, DATA, &err), err);
    assert_int_equal(set.n_samples, 3);
    assert_int_equal(set.n_images, 2);
    assert_int_equal(set.n_files, 1);
    assert_string_equal(set.samples[0].id, "34602");
    assert_string_equal(set.samples[0].image_name, "003a8ae2ef43b901.jpg");
    assert_string_equal(set.samples[0].image_path, DATA "/train_images/003a8ae2ef43b901.jpg");
    assert_string_equal(set.samples[2].question, "is the BUS number 12?");
    assert_string_equal(set.samples[2].answers[6], "no");
    assert_contains(set.note, "3 questions, not the official count (5,000)");
    dataset_close(&set);
    assert_ok(open_textvqa(&set, "test", DATA, &err), err);
    assert_int_equal(set.samples[0].n_answers, 0);
    dataset_close(&set);
}

/* The user turn that a protocol asks its sample i with. */
static void assert_prompt(const char *name, size_t i, const char *expected)
{
    struct arena arena;
    struct protocol protocol;
    struct dataset set;
    struct error err = {{0}};
    struct text out;
    arena_init(&arena);
    text_init(&out);
    assert_ok(protocol_open(&protocol, name, &arena, &err), err);
    assert_ok(open_textvqa(&set, protocol.variant, DATA, &err), err);
    protocol_message(&protocol, &set.samples[i], &out);
    assert_string_equal(text_string(&out), expected);
    text_release(&out);
    dataset_close(&set);
    arena_release(&arena);
}

static void prompts_are_those_of_the_harnesses(void **state)
{
    (void)state;
    assert_prompt("textvqa@llava", 0,
                  "What is the brand of this camera?\nReference OCR token: DAKOTA, "
                  "DIGITAL" INSTRUCTION);
    assert_prompt("textvqa@llava", 2, "Is the bus number 12?\nReference OCR token: " INSTRUCTION);
    assert_prompt("textvqa@triml", 1,
                  "What does the small white text spell?\nReference OCR token: DAKOTA, "
                  "DIGITAL" INSTRUCTION);
    assert_prompt("textvqa@cobra", 1,
                  "Reference OCR token: DAKOTA, DIGITAL\nWhat does the small white text "
                  "spell?" INSTRUCTION);
    assert_prompt("textvqa@triml-pure", 1, "What does the small white text spell?" INSTRUCTION);
    assert_prompt("textvqa@lmms-eval", 2, "Is the bus number 12?" INSTRUCTION);
    assert_prompt("textvqa@lmms-eval-ocr", 2,
                  "Is the bus number 12?\nReference OCR token: " INSTRUCTION);
    assert_prompt("textvqa@vlmevalkit", 2, "is the BUS number 12?" INSTRUCTION);
    /* Without the space behind its colon Cobra's code does not find the line and moves nothing. */
    assert_prompt("textvqa@triml", 2, "Is the bus number 12?\nReference OCR token:" INSTRUCTION);
    assert_prompt("textvqa@cobra", 2, "Is the bus number 12?\nReference OCR token:" INSTRUCTION);
}

static void a_protocol_cannot_ask_with_tokens_that_its_variant_lacks(void **state)
{
    (void)state;
    static const char text[] =
        "{\"name\": \"mine\", \"version\": 1, \"title\": \"t\", \"reference\": \"r\", \"dataset\": "
        "\"textvqa\", \"variant\": \"val\", \"files\": [], \"message\": \"{ocr+question}\", "
        "\"choices\": [], \"max_new_tokens\": 8, \"metric\": \"textvqa-tri\", \"headline\": "
        "\"accuracy\", \"missing\": \"wrong\"}";
    struct folder folder = folder_create();
    folder_write(&folder, "mine.json", text);
    char path[128];
    snprintf(path, sizeof path, "%s/mine.json", folder.path);
    struct arena arena;
    struct protocol protocol;
    struct error err = {{0}};
    arena_init(&arena);
    assert_int_equal(protocol_open(&protocol, path, &arena, &err), STATUS_BAD_FORMAT);
    assert_contains(err.text, "the variant 'val' of textvqa has no {ocr+question}");
    arena_release(&arena);
    folder_remove(&folder);
}

#define RECORD(id, image, question)                                                                \
    "{\"question_id\": " id ", \"image_id\": " image ", \"question\": " question ", \"answers\": " \
    "[\"x\",\"x\",\"x\",\"x\",\"x\",\"x\",\"x\",\"x\",\"x\",\"x\"]}"
#define SOUND "{\"data\": [" RECORD("1", "\"a\"", "\"who?\"") "]}"
#define LLAVA(image, text) "{\"image\": \"" image "\", \"text\": \"" text "\"}\n"
#define LINE "\\nReference OCR token: T"
#define END "\\nAnswer the question using a single word or phrase."

static void a_damaged_file_is_refused_with_file_record_and_reason(void **state)
{
    (void)state;
    static const struct {
        const char *annotations, *variant, *file, *tokens, *cause;
    } cases[] = {
        {"{\"data\": []}", "val", NULL, NULL, "TextVQA_0.5.1_val.json: \"data\" is empty"},
        {"{\"data\": [" RECORD("\"1\"", "\"a\"", "\"q\"") "]}", "val", NULL, NULL,
         "data[0]: \"question_id\" is not a number"},
        {"{\"data\": [" RECORD("1", "3", "\"q\"") "]}", "val", NULL, NULL,
         "data[0]: \"image_id\" is not a string"},
        {"{\"data\": [" RECORD("1", "\"../a\"", "\"q\"") "]}", "val", NULL, NULL,
         "data[0]: the picture '../a' does not lie in the folder of the pictures"},
        {"{\"data\": [" RECORD("1", "\"a\"", "\"q\"") "," RECORD("1", "\"a\"", "\"r\"") "]}", "val",
         NULL, NULL, "the question 1 is there twice"},
        {SOUND, "val-llava", "llava_textvqa_val_v051_ocr.jsonl", "", "nothing about question_id 1"},
        {SOUND, "val-llava", "llava_textvqa_val_v051_ocr.jsonl", LLAVA("b.jpg", "Who?" LINE END),
         "ocr.jsonl:1: 'Who?' about b.jpg is not asked by"},
        {SOUND, "val-llava", "llava_textvqa_val_v051_ocr.jsonl", LLAVA("a.jpg", "What?" LINE END),
         "ocr.jsonl:1: 'What?' about a.jpg is not asked by"},
        {SOUND, "val-llava", "llava_textvqa_val_v051_ocr.jsonl",
         LLAVA("a.jpg", "Who?" LINE END) LLAVA("a.jpg", "Who?" LINE END),
         "ocr.jsonl:2: 'Who?' about a.jpg was asked already"},
        {SOUND, "val-llava", "llava_textvqa_val_v051_ocr.jsonl", LLAVA("a.jpg", "Who?" LINE),
         "ocr.jsonl:1: \"text\" is not a question, a line of OCR tokens and the instruction"},
        {"{\"data\": [" RECORD("1", "\"a\"", "\"q\"") "," RECORD("2", "\"a\"", "\"Q\"") "]}",
         "val-llava", "llava_textvqa_val_v051_ocr.jsonl", "",
         "data[1]: 'Q' is asked twice about a.jpg"},
        {SOUND, "val-tri", "textvqa_val_v051_ocr.jsonl", LLAVA("a.jpg", "What?" LINE),
         "ocr.jsonl:1: asks 'What?' where question_id 1 of the annotations asks 'who?'"},
        {SOUND, "val-tri", "textvqa_val_v051_ocr.jsonl", LLAVA("a.jpg", "Who?"),
         "ocr.jsonl:1: \"text\" has no line 'Reference OCR token:'"},
        {SOUND, "val-tri", "textvqa_val_v051_ocr.jsonl", LLAVA("a.jpg", "Who?" LINE LINE),
         "ocr.jsonl:1: two lines of OCR tokens"},
        {SOUND, "val-tri", "textvqa_val_v051_ocr.jsonl",
         LLAVA("a.jpg", "Who?" LINE) LLAVA("a.jpg", "Who?" LINE), "ocr.jsonl:2: more lines than"},
        {SOUND, "val-tri", "textvqa_val_v051_ocr.jsonl", "{\"text\": null}",
         "ocr.jsonl:1: \"text\" is not a string"},
        {SOUND, "val-rosetta", "TextVQA_Rosetta_OCR_v0.2_val.json",
         "{\"data\": [{\"image_id\": \"b\", \"ocr_tokens\": []}]}",
         "no tokens for a.jpg, the picture of question_id 1"},
        {SOUND, "val-rosetta", "TextVQA_Rosetta_OCR_v0.2_val.json",
         "{\"data\": [{\"image_id\": \"a\", \"ocr_tokens\": [null]}]}",
         "data[0]: \"ocr_tokens\" holds something not a string"},
        {SOUND, "val-rosetta", "TextVQA_Rosetta_OCR_v0.2_val.json",
         "{\"data\": [{\"image_id\": \"a\", \"ocr_tokens\": []}, {\"image_id\": \"a\", "
         "\"ocr_tokens\": []}]}",
         "data[1]: image_id a is there twice"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct folder folder = folder_create();
        folder_write(&folder, "TextVQA_0.5.1_val.json", cases[i].annotations);
        if (cases[i].file)
            folder_write(&folder, cases[i].file, cases[i].tokens);
        assert_contains(refusal_of_dataset("textvqa", cases[i].variant, folder.path).text,
                        cases[i].cause);
        folder_remove(&folder);
    }
}

static void a_missing_token_file_is_named(void **state)
{
    (void)state;
    struct folder folder = folder_create();
    folder_write(&folder, "TextVQA_0.5.1_val.json", SOUND);
    struct dataset set;
    struct error err = {{0}};
    assert_int_equal(open_textvqa(&set, "val-tri", folder.path, &err), STATUS_NOT_FOUND);
    assert_contains(err.text, "textvqa_val_v051_ocr.jsonl");
    folder_remove(&folder);
}

static void running_out_of_memory_anywhere_is_reported(void **state)
{
    (void)state;
    static const char *const variants[] = {"val-llava", "val-tri", "val-rosetta"};
    for (size_t v = 0; v < 3; v++)
        assert_loading_reports_no_memory("textvqa", variants[v], DATA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_is_named_by_its_id_and_its_picture),
        cmocka_unit_test(prompts_are_those_of_the_harnesses),
        cmocka_unit_test(a_protocol_cannot_ask_with_tokens_that_its_variant_lacks),
        cmocka_unit_test(a_damaged_file_is_refused_with_file_record_and_reason),
        cmocka_unit_test(a_missing_token_file_is_named),
        cmocka_unit_test(running_out_of_memory_anywhere_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
