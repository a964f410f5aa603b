/* Predictions as TRI's harness, lmms-eval, VLMEvalKit, the official scorers and plain JSON lines
 * have them. */
#include "tests/imported.h"

#include "metrics/tri_order.h"

#include <math.h>

#define GQA "tests/data/gqa"
#define POPE "tests/data/pope"
#define VSR "tests/data/vsr"
#define VIZWIZ "tests/data/vizwiz"

static void triml_results_are_joined_by_their_ids(void **state)
{
    (void)state;
    struct imported imported;
    assert_ok(import_as(&imported, "triml", "r.json",
                        "{\"201640614\": {\"question_id\": 201640614, \"question\": \"Who is "
                        "wearing the dress?\", \"model_output\": \"Woman.\", "
                        "\"ground_truth_answer\": \"woman\"}}",
                        "gqa", GQA),
              imported.err);
    assert_string_equal(answer_to(&imported, "201640614")->text, "Woman.");
    assert_int_equal(imported.notes.n_missing, 20);
    release(&imported);
    assert_ok(import_as(&imported, "triml", "r.json",
                        "{\"7\": {\"example_id\": 7, \"caption\": \"The cat is on the mat.\", "
                        "\"true_false_probabilities\": [0.25, 0.75], \"ground_truth_answer\": "
                        "false}}",
                        "vsr", NULL),
              imported.err);
    assert_string_equal(imported.set.samples[0].id, "7");
    assert_string_equal(imported.set.samples[0].answers[0], "False");
    assert_true(imported.predictions[0].probabilities[1] == 0.75);
    release(&imported);
}

/* TRI's order of the 20 questions of POPE's miniature, rank of n_ranks, with answers that tell the
 * sample: its own number in hundredths. */
static void write_rank(const struct folder *folder, const struct dataset *set, size_t rank,
                       size_t n_ranks)
{
    size_t order[20], n = set->n_samples;
    char name[64];
    struct text text;
    text_init(&text);
    assert_int_equal(n, 20);
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    tri_shuffle(order, n, TRI_SEED);
    text_add_char(&text, '{');
    for (size_t i = rank; i < n + n_ranks - 1 - (n - 1) % n_ranks; i += n_ranks) {
        const struct sample *sample = &set->samples[order[i % n]];
        double p = (double)order[i % n] / 100;
        text_addf(&text,
                  "%s\"-%zu\": {\"question_id\": -%zu, \"question\": \"%s\", "
                  "\"yes_no_probabilities\": [%.2f, %.2f], \"ground_truth_answer\": \"%s\"}",
                  i > rank ? ", " : "", i + 1, i + 1, sample->question, p, 1 - p,
                  sample->answers[0]);
    }
    text_add_char(&text, '}');
    snprintf(name, sizeof name, "results+rank-%zu.json", rank);
    folder_write(folder, name, text_string(&text));
    text_release(&text);
}

static void triml_results_for_pope_are_known_by_their_order(void **state)
{
    (void)state;
    for (size_t n_ranks = 1; n_ranks <= 3; n_ranks++) {
        struct folder folder = folder_create();
        struct imported imported = {0};
        arena_init(&imported.arena);
        assert_ok(dataset_open(&imported.set, dataset_kind_find("pope"), NULL, POPE, &imported.err),
                  imported.err);
        for (size_t rank = 0; rank < n_ranks; rank++)
            write_rank(&folder, &imported.set, rank, n_ranks);
        assert_ok(predictions_import(import_format_find("triml"), folder.path, &imported.set, true,
                                     &imported.arena, &imported.predictions, &imported.notes,
                                     &imported.err),
                  imported.err);
        assert_int_equal(imported.notes.n_missing, 0);
        for (size_t i = 0; i < imported.set.n_samples; i++)
            assert_true(fabs(imported.predictions[i].probabilities[0] - (double)i / 100) < 1e-9);
        release(&imported);
        folder_remove(&folder);
    }
}

static void lmms_eval_samples_are_joined_by_document_and_compared(void **state)
{
    (void)state;
    static const char lines[] =
        "{\"doc_id\": 0, \"target\": \"no\", \"filtered_resps\": [\"No\"], \"input\": \"Is it "
        "overcast?\\nAnswer the question using a single word or phrase.\"}\n"
        "{\"doc_id\": 1, \"target\": \"woman\", \"resps\": [[\"Woman\"]]}\n"
        "{\"doc_id\": 99, \"target\": \"x\", \"filtered_resps\": \"x\"}\n";
    struct imported imported;
    assert_ok(import_as(&imported, "lmms-eval", "s.jsonl", lines, "gqa", GQA), imported.err);
    assert_string_equal(answer_to(&imported, "201307251")->text, "No");
    assert_string_equal(answer_to(&imported, "201640614")->text, "Woman");
    assert_int_equal(imported.notes.n_extra, 1);
    release(&imported);
    assert_ok(import_as(&imported, "lmms-eval", "s.json",
                        "{\"args\": {},\n \"logs\": [\n{\"doc_id\": 5, \"doc\": {\"question_id\": "
                        "\"2\", \"category\": \"random\", \"question\": \"Is?\"}, \"target\": "
                        "\"no\", \"filtered_resps\": [\"no\"]}]}",
                        "pope", NULL),
              imported.err);
    assert_string_equal(imported.set.samples[0].id, "random/2");
    assert_string_equal(imported.set.samples[0].group, "random");
    release(&imported);
    assert_int_equal(import_as(&imported, "lmms-eval", "s.jsonl",
                               "{\"doc_id\": 0, \"target\": \"no\", \"filtered_resps\": [\"No\"], "
                               "\"input\": \"Is it sunny?\"}",
                               "gqa", GQA),
                     STATUS_MISMATCH);
    assert_contains(imported.err.text, "s.jsonl:1: 201307251 has the prompt 'Is it sunny?' here");
    release(&imported);
}

static void vlmevalkit_rows_are_read_from_three_kinds_of_files(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
    } files[] = {
        {"m_POPE.tsv", "index\tcategory\tquestion\tanswer\tprediction\n"
                       "0\tadversarial,random\tIs there a cup?\tYes\tYes, there is\n"
                       "1\trandom\tIs there a hat?\tNo\t\"no \"\"hat\"\"\"\n"},
        {"m_POPE.csv", "index,x,category,question,answer,prediction\r\n"
                       "0,,\"adversarial,random\",Is there a cup?,Yes,\"Yes, there is\"\r\n"
                       "1,,random,Is there a hat?,No,\"no \"\"hat\"\"\""},
        {"m_POPE.json",
         "[{\"index\": 0, \"category\": \"adversarial,random\", \"question\": \"Is there a cup?\", "
         "\"answer\": \"Yes\", \"prediction\": \"Yes, there is\"}, {\"index\": 1, \"category\": "
         "\"random\", \"question\": \"Is there a hat?\", \"answer\": \"No\", \"prediction\": \"no "
         "\\\"hat\\\"\"}]"},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct imported imported;
        assert_ok(import_as(&imported, "vlmevalkit", files[i].name, files[i].text, "pope", NULL),
                  imported.err);
        assert_int_equal(imported.set.n_samples, 3);
        assert_string_equal(imported.set.samples[0].id, "adversarial/0");
        assert_string_equal(imported.predictions[0].text, "Yes, there is");
        assert_string_equal(imported.set.samples[2].answers[0], "no");
        assert_string_equal(imported.predictions[2].text, "no \"hat\"");
        release(&imported);
    }
}

static void vlmevalkit_rows_of_gqa_are_found_by_id_or_place(void **state)
{
    (void)state;
    struct imported imported;
    assert_ok(import_as(&imported, "vlmevalkit", "m.tsv",
                        "index\tquestion\tanswer\tprediction\n0\tIs it overcast?\tno\tNo\n"
                        "201640614\tWho is wearing the dress?\twoman\t\n",
                        "gqa", GQA),
              imported.err);
    assert_string_equal(answer_to(&imported, "201307251")->text, "No");
    assert_string_equal(answer_to(&imported, "201640614")->text, "");
    release(&imported);
    assert_int_equal(import_as(&imported, "vlmevalkit", "m.tsv",
                               "index\tquestion\tanswer\tprediction\n0\tIs it sunny?\tno\tNo\n",
                               "gqa", GQA),
                     STATUS_MISMATCH);
    release(&imported);
}

static void plain_lines_hold_texts_probabilities_or_failures(void **state)
{
    (void)state;
    static const char lines[] =
        "{\"id\": \"adversarial/1\", \"text\": \"Yes\"}\n"
        "{\"question_id\": \"random/1\", \"prediction\": \"No\"}\n"
        "{\"questionId\": \"random/2\", \"text\": null, \"probabilities\": [0.5, 0.5]}\n"
        "{\"id\": \"random/3\", \"error\": \"no image\"}\n";
    struct imported imported;
    assert_ok(import_as(&imported, "jsonl", "p.jsonl", lines, "pope", POPE), imported.err);
    assert_string_equal(answer_to(&imported, "adversarial/1")->text, "Yes");
    assert_string_equal(answer_to(&imported, "random/1")->text, "No");
    assert_true(answer_to(&imported, "random/2")->probabilities[0] == 0.5);
    assert_string_equal(answer_to(&imported, "random/3")->failure, "no image");
    assert_null(answer_to(&imported, "random/3")->text);
    assert_string_equal(answer_to(&imported, "random/4")->failure, "no prediction");
    release(&imported);
}

static void official_files_are_joined_as_the_scorers_do(void **state)
{
    (void)state;
    struct imported imported;
    assert_ok(import_as(&imported, "official", "p.json",
                        "[{\"questionId\": \"201307251\", \"prediction\": \"yes\"}, "
                        "{\"questionId\": 201640614, \"prediction\": \"man\"}, {\"questionId\": "
                        "\"201307251\", \"prediction\": \"no\"}]",
                        "gqa", GQA),
              imported.err);
    assert_string_equal(answer_to(&imported, "201307251")->text, "no");
    assert_string_equal(answer_to(&imported, "201640614")->text, "man");
    assert_int_equal(imported.notes.n_duplicate, 1);
    release(&imported);
    assert_ok(import_as(&imported, "official", "preds.txt", "1\n0\r\n1", "vsr", VSR), imported.err);
    assert_true(answer_to(&imported, "0")->probabilities[0] == 1);
    assert_true(answer_to(&imported, "1")->probabilities[0] == 0);
    assert_int_equal(imported.notes.n_joined, 3);
    release(&imported);
    assert_ok(import_as(&imported, "official", "a.json",
                        "{\"question\": \"Is there a kettle in the image?\", \"answer\": \"yes\"}",
                        "pope", POPE),
              imported.err);
    assert_string_equal(answer_to(&imported, "adversarial/1")->text, "yes");
    release(&imported);
}

static const struct {
    const char *format, *name, *kind, *directory, *text, *cause;
    enum status status;
} unreadable[] = {
    {"triml", "r.json", "gqa", GQA, "[]", "a JSON object is expected", STATUS_BAD_FORMAT},
    {"triml", "r.json", "gqa", GQA, "{\"1\": {\"question_id\": 1}}",
     "r.json: \"1\": \"model_output\" is missing", STATUS_BAD_FORMAT},
    {"triml", "r.json", "gqa", GQA, "{\"1\": {\"question_id\": 1, \"model_output\": null}}",
     "\"model_output\" is not a string", STATUS_BAD_FORMAT},
    {"triml", "r.json", "gqa", GQA, "{\"1\": {\"question_id\": 1.5, \"model_output\": \"\"}}",
     "\"question_id\" is neither", STATUS_BAD_FORMAT},
    {"triml", "r.json", "gqa", GQA, "{\"1\": {\"question_id\": true, \"model_output\": \"\"}}",
     "\"question_id\" is neither", STATUS_BAD_FORMAT},
    {"triml", "r.json", "vsr", VSR,
     "{\"1\": {\"example_id\": 1, \"true_false_probabilities\": [0.5]}}", "not two numbers",
     STATUS_BAD_FORMAT},
    {"triml", "r.json", "vsr", VSR,
     "{\"1\": {\"example_id\": 1, \"true_false_probabilities\": [5, 3]}}",
     "5 and 3, not two probabilities", STATUS_BAD_FORMAT},
    {"triml", "r.json", "pope", NULL,
     "{\"1\": {\"question_id\": 1, \"yes_no_probabilities\": [1, 0]}}", "name no split",
     STATUS_MISMATCH},
    {"triml", "r.json", "pope", POPE,
     "{\"1\": {\"question_id\": 1, \"yes_no_probabilities\": [1, 0]}}",
     "no \"question\" and \"ground_truth_answer\"", STATUS_MISMATCH},
    {"triml", "r.json", "pope", POPE,
     "{\"1\": {\"question_id\": 1, \"yes_no_probabilities\": [1, 0], \"question\": \"Is?\", "
     "\"ground_truth_answer\": \"no\"}}",
     "has the prompt 'Is?' here", STATUS_MISMATCH},
    {"lmms-eval", "s.jsonl", "gqa", GQA, "{\"doc_id\": 0}",
     "s.jsonl:1: neither \"filtered_resps\" nor \"resps\"", STATUS_BAD_FORMAT},
    {"lmms-eval", "s.jsonl", "gqa", GQA, "{\"doc_id\": 0, \"filtered_resps\": [null]}", "neither",
     STATUS_BAD_FORMAT},
    {"lmms-eval", "s.jsonl", "gqa", GQA, "{\"filtered_resps\": [\"x\"]}", "\"doc_id\" is missing",
     STATUS_BAD_FORMAT},
    {"lmms-eval", "s.jsonl", "gqa", GQA, "{\"doc_id\": -1, \"filtered_resps\": [\"x\"]}",
     "\"doc_id\" is -1", STATUS_BAD_FORMAT},
    {"vlmevalkit", "m.xlsx", "gqa", GQA, "PK", "save it as .tsv", STATUS_UNSUPPORTED},
    {"jsonl", "p.jsonl", "gqa", GQA, "PK\003\004...", "a workbook (.xlsx) is not read; save it",
     STATUS_UNSUPPORTED},
    {"evalai", "p.json", "vizwiz", VIZWIZ, "\xD0\xCF\x11\xE0\xA1", "a workbook",
     STATUS_UNSUPPORTED},
    {"vlmevalkit", "m.tsv", "gqa", GQA, "index\tquestion\tanswer\n1\tIs?\tno\n",
     "row 1: \"prediction\" is missing", STATUS_BAD_FORMAT},
    {"vlmevalkit", "m.csv", "gqa", GQA, "index,question,answer,prediction\n1,\"Is?,no,no\n",
     "row 1:", STATUS_BAD_FORMAT},
    {"vlmevalkit", "m.tsv", "pope", NULL,
     "index\tcategory\tquestion\tanswer\tprediction\n1\tgqa\tIs?\tno\tno\n",
     "row 1: \"category\" is 'gqa'", STATUS_BAD_FORMAT},
    {"vlmevalkit", "m.tsv", "pope", POPE,
     "index\tcategory\tquestion\tanswer\tprediction\n1\trandom\tIs?\tno\tno\n",
     "no column image_path", STATUS_MISMATCH},
    {"jsonl", "p.jsonl", "gqa", GQA, "{\"text\": \"no\"}", "\"id\" is missing", STATUS_BAD_FORMAT},
    {"jsonl", "p.jsonl", "gqa", GQA, "{\"id\": \"1\"}", "no \"text\", no \"probabilities\"",
     STATUS_BAD_FORMAT},
    {"jsonl", "p.jsonl", "gqa", GQA, "{\"id\": \"1\", \"text\": null}", "\"text\" is not a string",
     STATUS_BAD_FORMAT},
    {"jsonl", "p.jsonl", "gqa", GQA, "{\"id\": \"\", \"text\": \"no\"}", "\"id\" is neither",
     STATUS_BAD_FORMAT},
    {"jsonl", "p.jsonl", "gqa", GQA, "{\"id\": \"1\", \"text\": \"\\udc00\"}", "p.jsonl:1: column",
     STATUS_BAD_FORMAT},
    {"jsonl", "p.jsonl", "gqa", GQA, "{\"id\": \"1\", \"text\": \"\xC3\"}", "not UTF-8",
     STATUS_BAD_FORMAT},
    {"official", "p.json", "gqa", NULL, "[]", "holds no labels", STATUS_MISMATCH},
    {"official", "p.json", "gqa", GQA, "[{\"prediction\": \"no\"}]",
     "[0]: \"questionId\" is missing", STATUS_BAD_FORMAT},
    {"official", "p.txt", "vsr", VSR, "1\n2\n", "p.txt:2: neither 0 nor 1", STATUS_BAD_FORMAT},
    {"official", "a.json", "pope", POPE, "{\"question\": \"Is?\", \"answer\": \"no\"}",
     "adversarial/1 has the prompt 'Is?' here", STATUS_MISMATCH},
};

static void what_cannot_be_read_is_refused_with_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof unreadable / sizeof unreadable[0]; i++) {
        struct imported imported;
        enum status status =
            import_as(&imported, unreadable[i].format, unreadable[i].name, unreadable[i].text,
                      unreadable[i].kind, unreadable[i].directory);
        if (status != unreadable[i].status)
            fail_msg("%s, %s: status %d: %s", unreadable[i].format, unreadable[i].text, (int)status,
                     imported.err.text);
        assert_contains(imported.err.text, unreadable[i].cause);
        release(&imported);
    }
}

static void running_out_of_memory_anywhere_is_reported(void **state)
{
    (void)state;
    static const struct {
        const char *format, *name, *kind, *text;
    } cases[] = {
        {"triml", "a.json", "vsr",
         "{\"7\": {\"example_id\": 7, \"true_false_probabilities\": [0.25, 0.75], "
         "\"ground_truth_answer\": true}}"},
        {"lmms-eval", "a.jsonl", "pope",
         "{\"doc_id\": 0, \"target\": \"no\", \"filtered_resps\": [\"No\"]}"},
        {"vlmevalkit", "a.tsv", "pope",
         "index\tcategory\tquestion\tanswer\tprediction\n1\trandom\tIs?\tNo\tno\n"},
        {"jsonl", "a.jsonl", "pope", "{\"id\": \"random/1\", \"text\": \"no\", \"label\": \"no\"}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct folder folder = folder_create();
        char path[128];
        folder_write(&folder, cases[i].name, cases[i].text);
        snprintf(path, sizeof path, "%s/%s", folder.path, cases[i].name);
        for (long n = 1;; n++) {
            struct imported imported = {0};
            arena_init(&imported.arena);
            imported.set.kind = dataset_kind_find(cases[i].kind);
            fail_allocation(n);
            enum status status = predictions_import(
                import_format_find(cases[i].format), path, &imported.set, false, &imported.arena,
                &imported.predictions, &imported.notes, &imported.err);
            int struck = allocation_has_failed();
            fail_allocation(0);
            assert_true(status == STATUS_OK || (struck && imported.err.text[0]));
            if (status)
                imported.set.kind = NULL;
            release(&imported);
            if (!struck)
                break;
        }
        folder_remove(&folder);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(triml_results_are_joined_by_their_ids),
        cmocka_unit_test(triml_results_for_pope_are_known_by_their_order),
        cmocka_unit_test(lmms_eval_samples_are_joined_by_document_and_compared),
        cmocka_unit_test(vlmevalkit_rows_are_read_from_three_kinds_of_files),
        cmocka_unit_test(vlmevalkit_rows_of_gqa_are_found_by_id_or_place),
        cmocka_unit_test(plain_lines_hold_texts_probabilities_or_failures),
        cmocka_unit_test(official_files_are_joined_as_the_scorers_do),
        cmocka_unit_test(what_cannot_be_read_is_refused_with_its_place),
        cmocka_unit_test(running_out_of_memory_anywhere_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
