/* eval/cmd_profile.c - `mambench profile`: where every millisecond and byte goes. */
#include "engine/base/file.h"
#include "eval/command.h"
#include "eval/machine.h"
#include "eval/model_options.h"
#include "eval/output.h"
#include "eval/profile.h"
#include "eval/signals.h"
#include "reports/profile.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const outputs[] = {"table", "csv", "json", "jsonl", "md", NULL};

static const struct option_spec options_table[] = {
    {"model", 'm', OPTION_DIRECTORY, "LIST",
     "model directories, or presets with --random-weights; several with commas", NULL, NULL, true},
    {"compare", 0, OPTION_TEXT, "LIST",
     "as --model, with the tables of state space models against Transformers; by default behind 0, "
     "512, 2048, 8192 and 32768 positions",
     NULL, NULL, false},
    {"depth", 'd', OPTION_TEXT, "LIST",
     "positions to stand behind, such as 0,512,2048; 0 reads a picture, others are synthetic: "
     "random state and cache",
     NULL, NULL, false},
    {"threads", 't', OPTION_TEXT, "LIST", "numbers of threads; by default one per core", NULL, NULL,
     false},
    {"precision", 'p', OPTION_TEXT, "LIST", "arithmetic of the products: f32, bf16, int8", "bf16",
     NULL, false},
    {"batch", 'b', OPTION_TEXT, "LIST", "questions computed together", "1", NULL, false},
    {"scenario", 0, OPTION_TEXT, "NAME",
     "cobra-table3 and ml-mamba-table3 (the papers' prompt and 256 tokens), single-stream "
     "(MLPerf's "
     "minimum of 64 runs and its estimate)",
     NULL, NULL, false},
    {"prompt", 0, OPTION_TEXT, "TEXT", "the question, instead of the scenario's", NULL, NULL,
     false},
    {"prompt-tokens", 0, OPTION_COUNT, "N",
     "a prompt of N random tokens instead; 64 where a depth or --compare is given", NULL, NULL,
     false},
    {"new-tokens", 'n', OPTION_COUNT, "N",
     "tokens to generate, the first included; 8 with --compare", "16", NULL, false},
    {"image", 'i', OPTION_FILE, "FILE", "the picture; by default a synthetic JPEG of 640 x 480",
     NULL, NULL, false},
    {"runs", 'r', OPTION_COUNT, "N", "measure every configuration at least N times", "10", NULL,
     false},
    {"seconds", 0, OPTION_NUMBER, "S", "and at least so long", "3", NULL, false},
    {"warm-up", 0, OPTION_NUMBER, "S",
     "seconds after which a configuration is measured even if its times are not stable", "10", NULL,
     false},
    {"delay", 0, OPTION_NUMBER, "S", "rest so many seconds before every measured run: to cool down",
     "0", NULL, false},
    {"overhead", 0, OPTION_FLAG, NULL,
     "measure every configuration without its stages' times, too: what timing costs", NULL, NULL,
     false},
    {"no-limits", 0, OPTION_FLAG, NULL,
     "do not probe what the machine can do: a start takes a second less, no share of a limit is "
     "told",
     NULL, NULL, false},
    {"memory", 0, OPTION_SIZE, "SIZE",
     "for weights, states and caches, such as 16G; by default nine tenths of what is available",
     NULL, NULL, false},
    {"kernels", 0, OPTION_CHOICE, "NAME",
     "instruction set to use at most; by default the best this CPU has", NULL, kernel_choices,
     false},
    {"random-weights", 0, OPTION_FLAG, NULL,
     "invent the weights: speed and memory are real, answers are not", NULL, NULL, false},
    {"seed", 0, OPTION_COUNT, "N", "of weights, picture, prompt, states and the order of runs", "0",
     NULL, false},
    {"out", 0, OPTION_DIRECTORY, "RUN", "write RUN/profile.json with all raw times", NULL, NULL,
     false},
    {"trace", 0, OPTION_FILE, "FILE", "write the runs for chrome://tracing or Perfetto", NULL, NULL,
     false},
    {"output", 'o', OPTION_CHOICE, "FORMAT", "what to print", "table", outputs, false},
    {"quiet", 'q', OPTION_FLAG, NULL, "no messages on standard error", NULL, NULL, false},
    {"json", 0, OPTION_FLAG, NULL, "the same as -o json", NULL, NULL, false},
    {0},
};

static const char *const notes[] = {
    "Every configuration runs cold once, then until five runs lie within 2 %, then at least ten "
    "times and three seconds, in turn with all others and in an order drawn anew each round. "
    "Models "
    "that do not fit into memory together are opened, measured and closed in three blocks. "
    "Outliers "
    "are flagged, never dropped; percentiles that the runs do not allow are printed as n<64 and "
    "n<662. The verdict says noisy where the times scatter by over 5 % or others use the machine.",
    "A stage's limit is what reading memory or multiplying matrices reached in the same run, "
    "whichever allows less. A configuration that cannot be measured is a row with its error; the "
    "others go on, and the exit code is 4.",
    "json, jsonl, csv and md begin with llama-bench's columns.",
    NULL,
};

static const char *const examples[] = {
    "mambench profile --model examples/mini-cobra",
    "mambench profile --model cobra-3b --random-weights --depth 0,512,2048 --precision bf16,int8",
    "mambench profile --compare cobra-3b,tinyllava-3.1b,mobilevlm-v2-3b --random-weights",
    "mambench profile --model cobra --scenario cobra-table3 --out runs/cobra-speed",
    NULL,
};

/* The next piece of a list with commas into out; false at the end. */
static bool next_piece(const char **list, char *out, size_t size)
{
    size_t length = strcspn(*list, ",");
    if (**list == '\0')
        return false;
    snprintf(out, size, "%.*s", (int)(length < size ? length : size - 1), *list);
    *list += length + ((*list)[length] == ',');
    return true;
}

/* Whole numbers from least on. */
static enum status read_numbers(struct profile_list *list, const char *name, const char *text,
                                int least, struct error *err)
{
    const long most = 1 << 24; /* positions that a session can hold */
    char piece[32];
    list->n = 0;
    for (const char *at = text; next_piece(&at, piece, sizeof piece);) {
        char *end;
        errno = 0;
        long value = strtol(piece, &end, 10);
        if (end == piece || *end || errno || value < least || value > most)
            return fail(err, STATUS_USAGE, "--%s %s: '%s' is no whole number between %d and %ld",
                        name, text, piece, least, most);
        if (list->n == PROFILE_MAX_LIST)
            return fail(err, STATUS_USAGE, "--%s: more than %d values", name, PROFILE_MAX_LIST);
        list->values[list->n++] = (int)value;
    }
    return list->n > 0 ? STATUS_OK : fail(err, STATUS_USAGE, "--%s needs a number", name);
}

static enum status read_precisions(struct profile_list *list, const char *text, struct error *err)
{
    char piece[32];
    enum status status = STATUS_OK;
    for (const char *at = text; !status && next_piece(&at, piece, sizeof piece);) {
        enum precision precision = PRECISION_BF16;
        status = precision_parse(piece, &precision, err);
        if (!status && list->n == PROFILE_MAX_LIST)
            status = fail(err, STATUS_USAGE, "--precision: more than %d values", PROFILE_MAX_LIST);
        else if (!status)
            list->values[list->n++] = (int)precision;
    }
    if (!status && list->n == 0)
        status = fail(err, STATUS_USAGE, "--precision needs a name");
    return status;
}

static enum status add_models(struct profile_plan *plan, const char *list, struct arena *arena,
                              struct error *err)
{
    char piece[4096];
    while (next_piece(&list, piece, sizeof piece)) {
        if (plan->n_models == PROFILE_MAX_LIST)
            return fail(err, STATUS_USAGE, "more than %d models", PROFILE_MAX_LIST);
        if (!(plan->models[plan->n_models++] = arena_string(arena, piece)))
            return fail(err, STATUS_NO_MEMORY, "out of memory");
    }
    return STATUS_OK;
}

static enum status read_models(struct profile_plan *plan, const struct options *options,
                               struct arena *arena, struct error *err)
{
    const char *const *lists;
    size_t n = option_list(options, "model", &lists);
    enum status status = STATUS_OK;
    plan->compares = option_given(options, "compare");
    if (plan->compares && n > 0)
        return fail(err, STATUS_USAGE, "--compare names the models already: no --model beside it");
    for (size_t i = 0; !status && i < n; i++)
        status = add_models(plan, lists[i], arena, err);
    if (!status && plan->compares)
        status = add_models(plan, option_text(options, "compare"), arena, err);
    if (!status && plan->n_models == 0)
        status = fail(err, STATUS_USAGE, "--model or --compare is needed");
    return status;
}

static enum status read_sweep(struct profile_plan *plan, const struct options *options,
                              struct error *err)
{
    const char *depths = option_text(options, "depth"), *threads = option_text(options, "threads");
    if (!depths)
        depths = plan->compares ? "0,512,2048,8192,32768" : "0";
    enum status status = read_numbers(&plan->depths, "depth", depths, 0, err);
    if (!status && threads)
        status = read_numbers(&plan->threads, "threads", threads, 1, err);
    if (!status && !threads)
        plan->threads = (struct profile_list){{compute_available_threads()}, 1};
    if (!status)
        status = read_numbers(&plan->batches, "batch", option_text(options, "batch"), 1, err);
    if (!status)
        status = read_precisions(&plan->precisions, option_text(options, "precision"), err);
    return status;
}

static bool is_deep(const struct profile_plan *plan)
{
    for (size_t i = 0; i < plan->depths.n; i++)
        if (plan->depths.values[i] > 0)
            return true;
    return plan->compares;
}

/* The prompt and how much is generated: the scenario's, unless told otherwise. */
static enum status read_question(struct profile_plan *plan, const struct options *options,
                                 struct error *err)
{
    const char *name = option_text(options, "scenario"), *prompt = option_text(options, "prompt");
    plan->scenario = name ? scenario_find(name) : NULL;
    if (name && !plan->scenario)
        return fail(err, STATUS_USAGE,
                    "there is no scenario '%s'; there are cobra-table3, ml-mamba-table3 and "
                    "single-stream",
                    name);
    if (name && is_deep(plan))
        return fail(err, STATUS_USAGE,
                    "a scenario asks about a picture: neither --compare nor a depth goes with it");
    enum status status = option_int(options, "prompt-tokens", &plan->prompt_tokens, err);
    if (!status)
        status = option_int(options, "new-tokens", &plan->new_tokens, err);
    if (status)
        return status;
    if (plan->scenario && !option_given(options, "new-tokens"))
        plan->new_tokens = plan->scenario->new_tokens;
    else if (plan->compares && !option_given(options, "new-tokens"))
        plan->new_tokens = 8; /* many rows, of which some take seconds a token */
    if (option_given(options, "prompt-tokens") ? plan->prompt_tokens < 1 : plan->new_tokens < 1)
        return fail(err, STATUS_USAGE, "--prompt-tokens and --new-tokens must be at least 1");
    if (plan->new_tokens < 1)
        return fail(err, STATUS_USAGE, "--new-tokens must be at least 1");
    if (prompt && (plan->prompt_tokens > 0 || is_deep(plan)))
        return fail(err, STATUS_USAGE,
                    "--prompt is a text about a picture: no --prompt-tokens, depth or --compare");
    plan->prompt = prompt ? prompt : (plan->scenario ? plan->scenario : &scenarios[0])->prompt;
    if (is_deep(plan) && plan->prompt_tokens == 0)
        plan->prompt_tokens = 64;
    return STATUS_OK;
}

static enum status read_effort(struct profile_plan *plan, const struct options *options,
                               struct error *err)
{
    plan->min_seconds = option_number(options, "seconds");
    plan->warm_up_seconds = option_number(options, "warm-up");
    plan->delay_seconds = option_number(options, "delay");
    plan->memory_bytes = option_given(options, "memory") ? option_size(options, "memory")
                                                         : 0.9 * machine_free_bytes();
    enum status status = option_int(options, "runs", &plan->min_runs, err);
    if (!status && plan->scenario && !option_given(options, "runs"))
        plan->min_runs = plan->scenario->min_runs;
    if (!status && (plan->min_runs < 1 || plan->min_seconds < 0 || plan->warm_up_seconds < 0 ||
                    plan->delay_seconds < 0))
        status = fail(err, STATUS_USAGE,
                      "--runs must be at least 1, --seconds, --warm-up and --delay not negative");
    return status;
}

static enum status read_plan(struct profile_plan *plan, const struct options *options,
                             struct arena *arena, struct error *err)
{
    *plan = (struct profile_plan){
        .random_weights = option_flag(options, "random-weights"),
        .overhead = option_flag(options, "overhead"),
        .no_limits = option_flag(options, "no-limits"),
        .kernels = option_text(options, "kernels"),
        .image = option_text(options, "image"),
        .quiet = option_flag(options, "quiet"),
    };
    enum status status = option_seed(options, &plan->seed, err);
    if (!status && options->n_operands > 0)
        status = fail(err, STATUS_USAGE, "'%s' is not an option", options->operands[0]);
    if (!status)
        status = read_models(plan, options, arena, err);
    if (!status)
        status = read_sweep(plan, options, err);
    if (!status)
        status = read_question(plan, options, err);
    if (!status)
        status = read_effort(plan, options, err);
    return status;
}

/* What cannot be written is told before anything is measured. */
static enum status check_outputs(const struct options *options, struct error *err)
{
    const char *trace = option_text(options, "trace"), *out = option_text(options, "out");
    enum status status = trace ? file_write(trace, "", 0, err) : STATUS_OK;
    if (!status && out)
        status = directory_create(out, err);
    return status;
}

/* A picture of our own, where none is given; the file is removed with its folder. */
struct own_picture {
    char folder[64], path[96];
};

static enum status make_picture(struct own_picture *own, struct profile_plan *plan,
                                struct error *err)
{
    bool needed = false;
    *own = (struct own_picture){.folder = "/tmp/mambench-XXXXXX"};
    for (size_t i = 0; i < plan->depths.n; i++)
        needed = needed || plan->depths.values[i] == 0;
    if (plan->image || !needed || !mkdtemp(own->folder)) {
        own->folder[0] = '\0';
        return plan->image || !needed
                   ? STATUS_OK
                   : fail(err, STATUS_IO, "cannot make a folder in /tmp: %s", strerror(errno));
    }
    snprintf(own->path, sizeof own->path, "%s/picture.jpg", own->folder);
    plan->image = own->path;
    return profile_write_picture(own->path, plan->seed, err);
}

static void remove_picture(const struct own_picture *own)
{
    if (own->folder[0]) {
        unlink(own->path);
        rmdir(own->folder);
    }
}

static enum status write_files(const struct profile *profile, const struct options *options,
                               struct error *err)
{
    const char *trace = option_text(options, "trace"), *out = option_text(options, "out");
    struct arena arena;
    struct text text;
    enum status status = STATUS_OK;
    arena_init(&arena);
    text_init(&text);
    if (trace) {
        profile_add_trace(&profile->record, &text);
        status = text.failed ? fail(err, STATUS_NO_MEMORY, "out of memory for the trace")
                             : file_write(trace, text_string(&text), text.length, err);
    }
    if (!status && out) {
        const char *path = path_join(&arena, out, "profile.json");
        text_reset(&text);
        profile_add_run_json(&profile->record, NULL, (double)NAN, &text);
        status = text.failed || !path
                     ? fail(err, STATUS_NO_MEMORY, "out of memory for profile.json")
                     : file_write(path, text_string(&text), text.length, err);
    }
    text_release(&text);
    arena_release(&arena);
    return status;
}

static enum status print(const struct profile *profile, const struct options *options,
                         struct error *err)
{
    struct text text;
    const char *name = option_flag(options, "json") ? "json" : option_text(options, "output");
    text_init(&text);
    profile_format_find(name)->add(&profile->record, &text);
    enum status status = output_text(&text, err);
    text_release(&text);
    return status;
}

/* The worst of the rows; a configuration that this machine cannot run is a missing sample. */
static enum exit_code rows_code(const struct profile *profile)
{
    enum exit_code code = EXIT_DONE;
    for (size_t i = 0; i < profile->record.n_rows; i++) {
        const struct profile_cell *cell = &profile->cells[i];
        enum exit_code own = exit_of_status(cell->status);
        if (!cell->row->error)
            continue;
        code = exit_worst(code, own == EXIT_DATA && cell->status != STATUS_UNSUPPORTED
                                    ? EXIT_DATA
                                    : EXIT_INCOMPLETE);
    }
    return code;
}

static void tell_errors(const struct profile *profile)
{
    const char *last = NULL;
    for (size_t i = 0; i < profile->record.n_rows; i++) {
        const struct profile_row *row = &profile->record.rows[i];
        if (row->error && (!last || strcmp(last, row->error) != 0))
            message("%s, %s, %d threads, batch %d, depth %d: %s", row->asked, row->precision,
                    row->threads, row->batch, row->depth, row->error);
        last = row->error ? row->error : last;
    }
}

static enum exit_code measure(const struct profile_plan *plan, const struct options *options,
                              struct error *err)
{
    struct profile profile;
    enum status status = profile_open(&profile, plan, err), written = STATUS_OK;
    enum exit_code code = EXIT_DONE;
    if (!status)
        status = profile_facts_before(&profile, err);
    if (!status)
        status = profile_measure_all(&profile, err);
    if (!status)
        status = profile_facts_after(&profile, err);
    if (!status) {
        written = print(&profile, options, err);
        written = written ? written : write_files(&profile, options, err);
        code = exit_worst(rows_code(&profile), written ? EXIT_INTERNAL : EXIT_DONE);
        if (!plan->quiet)
            tell_errors(&profile);
        if (profile.interrupted)
            code = exit_worst(code, (enum exit_code)(128 + signals_caught()));
    }
    profile_close(&profile);
    return status ? exit_worst(code, exit_of_status(status)) : code;
}

static enum exit_code run(const struct options *options, struct error *err)
{
    struct profile_plan plan;
    struct own_picture own = {.folder = ""};
    struct arena arena;
    arena_init(&arena);
    enum exit_code code = exit_of_status(read_plan(&plan, options, &arena, err));
    if (!code && (check_outputs(options, err) || make_picture(&own, &plan, err)))
        code = EXIT_INTERNAL;
    if (!code) {
        signals_watch();
        code = measure(&plan, options, err);
    }
    remove_picture(&own);
    arena_release(&arena);
    return code;
}

const struct command command_profile = {
    .name = "profile",
    .summary = "Measures where every millisecond and byte goes, and how near the limits",
    .operands = "",
    .operand_type = OPTION_TEXT,
    .options = options_table,
    .notes = notes,
    .examples = examples,
    .run = run,
};
