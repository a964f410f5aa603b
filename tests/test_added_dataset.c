/* A benchmark that the program does not have: tests/dataset_signs.c, the row below and a protocol
 * file are all that it takes.  Everything above the table of datasets then works with it: the
 * commands, floors, an existing metric, predictions of another program, reports. */
#include "tests/dataset_files.h"

#include "engine/base/text.h"
#include "eval/command.h"
#include "eval/task.h"
#include "metrics/baseline.h"

extern const struct dataset_kind dataset_vsr, dataset_signs;

/* Stands in the place of datasets/registry.c, which the linker then leaves out.  VSR is there
 * because every protocol of the program's own names a benchmark: task list shows that one works. */
const struct dataset_kind *const dataset_kinds[] = {&dataset_vsr, &dataset_signs, NULL};

#define SIGNS "tests/data/signs"
#define PLAIN SIGNS "/signs@plain.json"
#define OPEN SIGNS "/signs@open.json"

/* Runs a command as main() does; its output goes to a file of the folder. */
static int run(const struct folder *folder, const char *const *arguments)
{
    const struct command *command = command_find(arguments[0]);
    struct options options;
    struct error err = {""};
    size_t n = 0;
    char path[128];
    while (arguments[n])
        n += 1;
    command_line = arguments;
    assert_ok(options_parse(&options, command->options, n - 1, arguments + 1, &err), err);
    snprintf(path, sizeof path, "%s/output", folder->path);
    fflush(stdout);
    int kept = dup(STDOUT_FILENO);
    assert_true(kept >= 0 && freopen(path, "w", stdout));
    int code = (int)command->run(&options, &err);
    fflush(stdout);
    dup2(kept, STDOUT_FILENO);
    close(kept);
    options_release(&options);
    if (code != EXIT_DONE)
        print_error("%s\n", err.text);
    return code;
}

#define RUN(folder, ...) run(folder, (const char *const[]){__VA_ARGS__, NULL})

static void assert_file_contains(const struct folder *folder, const char *name, const char *part)
{
    char path[128], *text;
    struct error err = {""};
    struct arena arena;
    arena_init(&arena);
    snprintf(path, sizeof path, "%s/%s", folder->path, name);
    assert_ok(file_read(path, &arena, &text, NULL, &err), err);
    assert_contains(text, part);
    arena_release(&arena);
}

static void its_questions_become_prompts(void **state)
{
    (void)state;
    const struct task_selection all = {0};
    struct task task;
    struct text message;
    struct error err = {""};
    text_init(&message);
    assert_ok(task_open(&task, PLAIN, &err), err);
    assert_ok(task_load(&task, SIGNS, &all, &err), err);
    assert_int_equal(task.set.n_samples, 5);
    assert_int_equal(task.set.n_images, 3);
    assert_contains(task.set.note, "synthetic");
    protocol_message(&task.protocol, &task.set.samples[4], &message);
    assert_string_equal(text_string(&message), "Does the sign show a deer? Say yes or no.");
    text_release(&message);
    task_close(&task);
}

static void a_run_is_scored_and_reported(void **state)
{
    (void)state;
    struct folder folder = folder_create();
    char out[80];
    snprintf(out, sizeof out, "%s/run", folder.path);
    assert_int_equal(RUN(&folder, "run", "--model", "baseline:no", "--task", PLAIN, "--data", SIGNS,
                         "--out", out, "--quiet"),
                     EXIT_DONE);
    /* Three of five are no. */
    assert_file_contains(&folder, "run/scores.json", "\"value\": 0.6,");
    assert_file_contains(&folder, "run/scores.json", "colour/accuracy");
    assert_file_contains(&folder, "run/report.md", "signs@plain");
    assert_file_contains(&folder, "run/report.md", "synthetic");
    assert_int_equal(RUN(&folder, "report", "--format", "summary", out), EXIT_DONE);
    assert_file_contains(&folder, "output", "60.00 %");
    assert_int_equal(RUN(&folder, "score", out), EXIT_DONE);
    folder_remove(&folder);
}

static void its_open_answers_are_scored_too(void **state)
{
    (void)state;
    struct folder folder = folder_create();
    char out[80];
    snprintf(out, sizeof out, "%s/run", folder.path);
    assert_int_equal(RUN(&folder, "run", "--model", "baseline:majority", "--task", OPEN, "--data",
                         SIGNS, "--out", out, "--quiet"),
                     EXIT_DONE);
    /* "stop" is the answer to two of three. */
    assert_int_equal(RUN(&folder, "report", "--format", "summary", out), EXIT_DONE);
    assert_file_contains(&folder, "output", "66.67 %");
    folder_remove(&folder);
}

static void answers_of_another_program_are_scored(void **state)
{
    (void)state;
    struct folder folder = folder_create();
    char answers[80];
    folder_write(&folder, "answers.jsonl",
                 "{\"id\": \"1\", \"text\": \"Yes.\"}\n{\"id\": \"2\", \"text\": \"yes\"}\n"
                 "{\"id\": \"3\", \"text\": \"no\"}\n{\"id\": \"4\", \"text\": \"no\"}\n"
                 "{\"id\": \"5\", \"text\": \"It does not\"}\n");
    snprintf(answers, sizeof answers, "%s/answers.jsonl", folder.path);
    assert_int_equal(RUN(&folder, "score", "--task", PLAIN, "--data", SIGNS, "--format", "jsonl",
                         "--predictions", answers),
                     EXIT_DONE);
    /* Right are 1, 3 and 5: "not" is a no. */
    assert_file_contains(&folder, "output", "3 correct, 0 failed");
    folder_remove(&folder);
}

static void the_program_lists_and_shows_it(void **state)
{
    (void)state;
    struct folder folder = folder_create();
    assert_int_equal(RUN(&folder, "task", "show", PLAIN, "--data", SIGNS, "--sample", "0"),
                     EXIT_DONE);
    assert_file_contains(&folder, "output", "Signs (invented)");
    assert_file_contains(&folder, "output", SIGNS "/pictures/1.png");
    folder_remove(&folder);
}

static void damage_is_told_with_its_place(void **state)
{
    (void)state;
    struct folder folder = folder_create();
    folder_write(&folder, "yes-no.jsonl",
                 "{\"number\": 1, \"picture\": \"../1.png\", \"asks\": \"\", \"truth\": \"no\", "
                 "\"about\": \"\"}\n");
    assert_contains(refusal_of_dataset("signs", NULL, folder.path).text,
                    "yes-no.jsonl:1: the picture '../1.png' does not lie in the folder");
    assert_loading_reports_no_memory("signs", NULL, SIGNS);
    folder_remove(&folder);
}

/* Writes a protocol that scores open answers by another metric; its name has as many letters. */
static void write_protocol(const struct folder *folder, const char *metric)
{
    struct arena arena;
    struct error err = {""};
    char *text;
    arena_init(&arena);
    assert_ok(file_read(OPEN, &arena, &text, NULL, &err), err);
    char *place = strstr(text, "gqa-llava");
    assert_non_null(place);
    assert_int_equal(strlen(metric), strlen("gqa-llava"));
    memcpy(place, metric, strlen(metric));
    folder_write(folder, "other.json", text);
    arena_release(&arena);
}

static void a_metric_that_is_none_is_told_first(void **state)
{
    (void)state;
    struct folder folder = folder_create();
    struct task task;
    struct error err = {""};
    char path[80];
    write_protocol(&folder, "nonsense?");
    snprintf(path, sizeof path, "%s/other.json", folder.path);
    assert_int_equal(task_open(&task, path, &err), STATUS_NOT_FOUND);
    assert_contains(err.text, "there is no metric 'nonsense?'; there is: yes-no-likelihood");
    folder_remove(&folder);
}

/* What a metric cannot count is told, not counted as nought. */
static void a_metric_of_ten_answers_refuses_it(void **state)
{
    (void)state;
    struct folder folder = folder_create();
    char path[80], out[80];
    write_protocol(&folder, "vqa-llava");
    snprintf(path, sizeof path, "%s/other.json", folder.path);
    snprintf(out, sizeof out, "%s/run", folder.path);
    assert_int_equal(RUN(&folder, "run", "--model", "baseline:yes", "--task", path, "--data", SIGNS,
                         "--out", out, "--quiet"),
                     EXIT_DATA);
    folder_remove(&folder);
}

/* TRI's subsets are those of TRI's benchmarks. */
static void it_has_no_subset_of_another_harness(void **state)
{
    (void)state;
    const struct task_selection slim = {.slim = 2};
    struct task task;
    struct error err = {""};
    assert_ok(task_open(&task, PLAIN, &err), err);
    assert_int_equal(task_load(&task, SIGNS, &slim, &err), STATUS_USAGE);
    assert_contains(err.text, "--slim");
    task_close(&task);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_questions_become_prompts),
        cmocka_unit_test(a_run_is_scored_and_reported),
        cmocka_unit_test(its_open_answers_are_scored_too),
        cmocka_unit_test(answers_of_another_program_are_scored),
        cmocka_unit_test(the_program_lists_and_shows_it),
        cmocka_unit_test(damage_is_told_with_its_place),
        cmocka_unit_test(a_metric_that_is_none_is_told_first),
        cmocka_unit_test(a_metric_of_ten_answers_refuses_it),
        cmocka_unit_test(it_has_no_subset_of_another_harness),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
