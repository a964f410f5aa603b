#include "tests/check.h"

#include "engine/base/text.h"
#include "eval/command.h"
#include "eval/exit_code.h"
#include "eval/options.h"
#include "eval/usage.h"

static const char *const colours[] = {"red", "green", NULL};

static const struct option_spec specs[] = {
    {"out", 'o', OPTION_DIRECTORY, "DIR", "where", NULL, NULL, false},
    {"limit", 'n', OPTION_COUNT, "N", "how many", "7", NULL, false},
    {"scale", 0, OPTION_NUMBER, "X", "how much", "0.5", NULL, false},
    {"colour", 0, OPTION_CHOICE, "NAME", "which", "red", colours, false},
    {"task", 0, OPTION_TEXT, "NAME", "what", NULL, NULL, true},
    {"memory", 0, OPTION_SIZE, "SIZE", "how large", "2K", NULL, false},
    {"quiet", 'q', OPTION_FLAG, NULL, "no noise", NULL, NULL, false},
    {"json", 'j', OPTION_FLAG, NULL, "for programs", NULL, NULL, false},
    {0},
};

/* Parses the words, which end with NULL. */
static enum status parse(struct options *options, struct error *err, const char *const *words)
{
    size_t n = 0;
    while (words[n])
        n++;
    return options_parse(options, specs, n, words, err);
}

#define PARSE(options, err, ...) parse(options, err, (const char *const[]){__VA_ARGS__, NULL})

static void values_come_from_the_line_or_the_table(void **state)
{
    struct options options;
    struct error err = {""};
    (void)state;
    assert_ok(PARSE(&options, &err, "--out", "a b", "run", "--task=x", "--task", "y"), err);
    assert_string_equal(option_text(&options, "out"), "a b");
    assert_true(option_given(&options, "out"));
    assert_false(option_given(&options, "limit"));
    assert_int_equal(option_count(&options, "limit"), 7);
    assert_true(option_number(&options, "scale") == 0.5);
    assert_string_equal(option_text(&options, "colour"), "red");
    assert_false(option_flag(&options, "quiet"));
    const char *const *tasks;
    assert_int_equal(option_list(&options, "task", &tasks), 2);
    assert_string_equal(tasks[0], "x");
    assert_string_equal(tasks[1], "y");
    assert_int_equal(options.n_operands, 1);
    assert_string_equal(options.operands[0], "run");
    options_release(&options);
}

static void sizes_have_units(void **state)
{
    static const struct {
        const char *text;
        double bytes; /* negative: refused */
    } cases[] = {{"0", 0},
                 {"65536", 65536},
                 {"4G", 4294967296.0},
                 {"1.5M", 1572864},
                 {"2T", 2199023255552.0},
                 {"4g", -1},
                 {"G", -1},
                 {"4GB", -1},
                 {"-1", -1},
                 {"inf", -1},
                 {"1e400", -1},
                 {"", -1}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct options options;
        struct error err = {""};
        enum status status = PARSE(&options, &err, "--memory", cases[i].text);
        assert_int_equal(status, cases[i].bytes < 0 ? STATUS_USAGE : STATUS_OK);
        if (status)
            continue;
        assert_true(option_size(&options, "memory") == cases[i].bytes);
        options_release(&options);
    }
}

static void a_copy_takes_further_values_where_there_are_none(void **state)
{
    static const char near[] = "near", far[] = "far";
    struct options options, copy;
    struct error err = {""};
    const char *const *tasks;
    (void)state;
    assert_ok(PARSE(&options, &err, "--limit", "3"), err);
    assert_ok(options_copy(&copy, &options, &err), err);
    assert_ok(options_set(&copy, "limit", "4", near, &err), err);
    assert_ok(options_set(&copy, "scale", "2", near, &err), err);
    assert_ok(options_set(&copy, "scale", "3", far, &err), err);
    assert_ok(options_set(&copy, "quiet", "", far, &err), err);
    assert_ok(options_set(&copy, "task", "x", near, &err), err);
    assert_ok(options_set(&copy, "task", "y", near, &err), err);
    assert_ok(options_set(&copy, "task", "z", far, &err), err);
    assert_ok(options_set(&copy, "json", NULL, near, &err), err);
    assert_ok(options_set(&copy, "json", "", far, &err), err);
    assert_false(option_flag(&copy, "json"));
    assert_int_equal(options_set(&copy, "colour", "blue", near, &err), STATUS_USAGE);
    assert_int_equal(options_set(&copy, "color", "red", near, &err), STATUS_USAGE);
    assert_contains(err.text, "--colour");
    assert_int_equal(option_count(&copy, "limit"), 3);
    assert_string_equal(option_origin(&copy, "limit"), "command line");
    assert_true(option_number(&copy, "scale") == 2);
    assert_string_equal(option_origin(&copy, "scale"), "near");
    assert_true(option_flag(&copy, "quiet"));
    assert_int_equal(option_list(&copy, "task", &tasks), 2);
    assert_string_equal(option_origin(&copy, "out"), "default");
    assert_false(option_given(&options, "scale"));
    options_release(&copy);
    options_release(&options);
}

static void letters_join_and_take_arguments(void **state)
{
    struct options options;
    struct error err = {""};
    (void)state;
    assert_ok(PARSE(&options, &err, "-qjn5", "-oDIR"), err);
    assert_true(option_flag(&options, "quiet"));
    assert_true(option_flag(&options, "json"));
    assert_int_equal(option_count(&options, "limit"), 5);
    assert_string_equal(option_text(&options, "out"), "DIR");
    options_release(&options);
}

static void two_dashes_end_the_options(void **state)
{
    struct options options;
    struct error err = {""};
    (void)state;
    assert_ok(PARSE(&options, &err, "-", "--", "--out", "-q", "--help"), err);
    assert_int_equal(options.n_operands, 4);
    assert_string_equal(options.operands[0], "-");
    assert_string_equal(options.operands[1], "--out");
    assert_false(options.help);
    assert_false(option_flag(&options, "quiet"));
    options_release(&options);
}

static void help_wins_over_everything(void **state)
{
    struct options options;
    struct error err = {""};
    (void)state;
    assert_ok(PARSE(&options, &err, "--nonsense", "-h"), err);
    assert_true(options.help);
    options_release(&options);
}

static void wrong_words_are_refused_by_name(void **state)
{
    static const struct {
        const char *words[4];
        const char *sentence;
    } cases[] = {
        {{"--limti", "5", NULL}, "unknown option --limti; did you mean --limit?"},
        {{"--zzzzzzzzzz", NULL}, "unknown option --zzzzzzzzzz"},
        {{"-z", NULL}, "unknown option -z"},
        {{"--limit", NULL}, "--limit needs an argument: N"},
        {{"--limit", "-1", NULL}, "--limit -1: a whole number"},
        {{"--limit", "5x", NULL}, "--limit 5x: a whole number"},
        {{"--limit=", NULL}, "--limit : a whole number"},
        {{"--limit", "99999999999999999999", NULL}, "a whole number"},
        {{"--scale", "nan", NULL}, "--scale nan: a number is expected"},
        {{"--scale", "1e999", NULL}, "a number is expected"},
        {{"--colour", "blue", NULL}, "--colour blue: choose one of red, green"},
        {{"--out=", NULL}, "the path is empty"},
        {{"--quiet=1", NULL}, "--quiet takes no argument"},
        {{"-q", "-q", NULL}, "--quiet is given twice"},
        {{"--out=a", "--out=b", NULL}, "--out is given twice"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct options options;
        struct error err = {""};
        assert_int_equal(parse(&options, &err, cases[i].words), STATUS_USAGE);
        assert_contains(err.text, cases[i].sentence);
    }
}

static void no_allocation_failure_leaks_or_crashes(void **state)
{
    (void)state;
    for (long n = 1;; n++) {
        struct options options;
        struct error err = {""};
        fail_allocation(n);
        enum status status = PARSE(&options, &err, "a", "--task", "1", "--task", "2", "--task", "3",
                                   "--task", "4", "--task", "5", "--out", "x");
        bool failed = allocation_has_failed();
        fail_allocation(0);
        if (status == STATUS_OK)
            options_release(&options);
        else
            assert_int_equal(status, STATUS_NO_MEMORY);
        if (!failed)
            break;
        assert_true(n < 100);
    }
}

static void the_nearest_name_is_found(void **state)
{
    static const char *const names[] = {"run", "report", "score"};
    (void)state;
    assert_string_equal(closest_name("rnu", names, 3), "run");
    assert_string_equal(closest_name("raport", names, 3), "report");
    assert_null(closest_name("wonderful", names, 3));
    assert_null(closest_name("", names, 0));
}

/* Whether the text holds the option as a whole word, dashes included. */
static bool holds_option(const char *text, const char *name, const char *dashes)
{
    char word[80];
    int length = snprintf(word, sizeof word, "%s%s", dashes, name);
    for (const char *at = text; (at = strstr(at, word)) != NULL; at += length)
        if (!at[length] || (!strchr("abcdefghijklmnopqrstuvwxyz-", at[length]) &&
                            strncmp(at + length, "\\-", 2) != 0))
            return true;
    return false;
}

/* The option as the man page spells it. */
static void roff_name(char *out, size_t size, const char *name)
{
    size_t used = 0;
    for (; *name && used + 3 < size; name++) {
        if (*name == '-')
            out[used++] = '\\';
        out[used++] = *name;
    }
    out[used] = '\0';
}

/* From the heading of the command to the next one. */
static char *man_section(const char *man, const char *command)
{
    char heading[80];
    snprintf(heading, sizeof heading, ".SS \"mambench %s", command);
    const char *start = strstr(man, heading);
    assert_non_null(start);
    const char *end = strstr(start + 1, "\n.S");
    assert_non_null(end);
    return strndup(start, (size_t)(end - start));
}

static void help_man_page_and_completion_hold_every_row_of_every_table(void **state)
{
    struct text man, bash;
    (void)state;
    text_init(&man);
    text_init(&bash);
    usage_man(&man);
    usage_bash(&bash);
    for (size_t i = 0; commands[i]; i++) {
        const struct command *command = commands[i];
        struct text help;
        text_init(&help);
        usage_command(&help, command);
        char *section = man_section(text_string(&man), command->name);
        for (size_t j = 0; command->options[j].name; j++) {
            const struct option_spec *spec = &command->options[j];
            char roff[80];
            roff_name(roff, sizeof roff, spec->name);
            assert_true(holds_option(text_string(&help), spec->name, "--"));
            assert_true(holds_option(section, roff, "\\-\\-"));
            assert_true(holds_option(text_string(&bash), spec->name, "--"));
            assert_true((spec->argument == NULL) == (spec->type == OPTION_FLAG));
            assert_true((spec->choices != NULL) == (spec->type == OPTION_CHOICE));
        }
        free(section);
        text_release(&help);
    }
    text_release(&man);
    text_release(&bash);
}

static void no_table_has_a_name_twice(void **state)
{
    (void)state;
    for (size_t i = 0; commands[i]; i++)
        for (const struct option_spec *a = commands[i]->options; a->name; a++)
            for (const struct option_spec *b = commands[i]->options; b < a; b++) {
                assert_string_not_equal(a->name, b->name);
                assert_true(!a->letter || a->letter != b->letter);
                assert_true(a->letter != 'h');
            }
}

static void help_fits_eighty_columns(void **state)
{
    (void)state;
    for (size_t i = 0; commands[i]; i++) {
        struct text help;
        text_init(&help);
        usage_command(&help, commands[i]);
        const char *examples = strstr(text_string(&help), "\nexamples:");
        for (const char *line = text_string(&help); *line && line != examples;) {
            size_t length = strcspn(line, "\n");
            if (examples && line > examples)
                break;
            assert_true(length <= 80);
            line += length + (line[length] == '\n');
        }
        text_release(&help);
    }
}

static void the_worst_exit_code_wins(void **state)
{
    static const enum exit_code worst_first[] = {
        EXIT_USAGE,        EXIT_DATA,         EXIT_INTERNAL, EXIT_INCOMPLETE,
        EXIT_CHECK_FAILED, EXIT_INCONCLUSIVE, EXIT_DONE,
    };
    (void)state;
    for (size_t i = 0; i < sizeof worst_first / sizeof worst_first[0]; i++)
        for (size_t j = i; j < sizeof worst_first / sizeof worst_first[0]; j++) {
            assert_int_equal(exit_worst(worst_first[i], worst_first[j]), worst_first[i]);
            assert_int_equal(exit_worst(worst_first[j], worst_first[i]), worst_first[i]);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_from_the_line_or_the_table),
        cmocka_unit_test(sizes_have_units),
        cmocka_unit_test(a_copy_takes_further_values_where_there_are_none),
        cmocka_unit_test(letters_join_and_take_arguments),
        cmocka_unit_test(two_dashes_end_the_options),
        cmocka_unit_test(help_wins_over_everything),
        cmocka_unit_test(wrong_words_are_refused_by_name),
        cmocka_unit_test(no_allocation_failure_leaks_or_crashes),
        cmocka_unit_test(the_nearest_name_is_found),
        cmocka_unit_test(help_man_page_and_completion_hold_every_row_of_every_table),
        cmocka_unit_test(no_table_has_a_name_twice),
        cmocka_unit_test(help_fits_eighty_columns),
        cmocka_unit_test(the_worst_exit_code_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
