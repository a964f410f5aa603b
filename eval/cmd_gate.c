/* eval/cmd_gate.c - `mambench gate`: may this go in?  For CI. */
#include "engine/base/file.h"
#include "eval/command.h"
#include "eval/gate.h"
#include "eval/gate_ab.h"
#include "eval/model_options.h"
#include "eval/output.h"
#include "eval/version.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const systems[] = {"github", NULL};
static const char *const outcomes[] = {"pass", "fail", NULL};

static const struct option_spec options_table[] = {
    {"baseline", 'b', OPTION_FILE, "FILE|DIR",
     "what the runs are held against: a file that --update wrote, or a finished run or a folder of "
     "them",
     NULL, NULL, false},
    {"update", 0, OPTION_FLAG, NULL,
     "write the runs into the baseline file instead; checks that are there stay", NULL, NULL,
     false},
    {"task", 0, OPTION_TEXT, "NAME", "gate only this task, or profile, of the baseline", NULL, NULL,
     true},
    {"allowed-drop", 0, OPTION_NUMBER, "POINTS",
     "of a task for which no file says it: with a DIR, and in what --update adds", "0.5", NULL,
     false},
    {"allowed-rise", 0, OPTION_NUMBER, "PERCENT", "the same of the time of a question", "10", NULL,
     false},
    {"inconclusive", 0, OPTION_CHOICE, "OUTCOME",
     "exit with 0 or 1 instead of 6 where chance could do it", NULL, outcomes, false},
    {"junit", 0, OPTION_FILE, "FILE", "write JUnit XML", NULL, NULL, false},
    {"ci", 0, OPTION_CHOICE, "SYSTEM",
     "print annotations for it, and append a table to the file $GITHUB_STEP_SUMMARY names", NULL,
     systems, false},
    {"bisect", 0, OPTION_FLAG, NULL,
     "exit codes for `git bisect run`: 0 passed, 1 failed, 125 for all else", NULL, NULL, false},
    PAIRING_OPTION_ROWS,
    GATE_AB_OPTION_ROWS,
    {"draws", 0, OPTION_COUNT, "N", "signs drawn by the permutation test, at least 999", "9999",
     NULL, false},
    {"seed", 0, OPTION_COUNT, "N",
     "of these draws; with --ab, of the order of starts and of the resamples", "0", NULL, false},
    {"json", 0, OPTION_FLAG, NULL, "print JSON", NULL, NULL, false},
    {0},
};

static const char *const notes[] = {
    "A check is ok where nothing is beyond what is allowed; failed where it is, and Holm's p over "
    "all checks of the gate is below the level (0.05); inconclusive where it is and chance could "
    "do that. Exit codes: 0 all ok, 1 one failed, 6 none failed and one inconclusive; 2, 3, 5 what "
    "cannot be read or does not fit, 4 a run that is unfinished or has failed samples: never a "
    "verdict.",
    "A baseline FILE is JSON, to be kept beside the sources and edited. For each task it has "
    "checks "
    "by metric: floor and ceiling, 0 to 1; allowed_drop, in points of 100. For each profile: most, "
    "in ms or MiB; allowed_rise, in percent. --update adds to it what a later gate needs: scores "
    "with intervals, where they are from, and what every answer earned, one digit each. Add floors "
    "by hand: --update keeps them.",
    "credit is the mean of what the answers earn (accuracy; partly right counts in part). It, and "
    "every score that equals it, is paired: a sign-flip permutation by image decides. Other scores "
    "(F1) are compared by their intervals, unpaired, which finds less; the check says so. A floor "
    "fails where the value lies below it by more than half its 95 % interval, the wider half, as "
    "widened by Holm; one without an interval where it lies below.",
    "Times and bytes come from profile.json in RUN, or in a folder of it, and are compared on the "
    "same machine only: CPU, cores, instruction set, library of products, system, governor, quota. "
    "Elsewhere, and where a profile is noisy and too slow, the check is inconclusive: --ab then "
    "measures both sides here, started in turn, and confirms a slowdown with fresh starts before "
    "it "
    "fails.",
    NULL,
};

static const char *const examples[] = {
    "mambench gate --update --baseline ci/cobra.json runs/cobra",
    "mambench gate --baseline ci/cobra.json --junit gate.xml --ci github runs/cobra",
    "mambench gate --baseline runs/before --allowed-drop 1 runs/after",
    "mambench gate --ab 'old/mambench profile -m cobra -o json' 'new/mambench profile -m cobra -o "
    "json'",
    "git bisect run sh -c 'make && mambench run suites/ci.json --out runs/ci --force --quiet && "
    "mambench gate --bisect --baseline ci/cobra.json runs/ci/mini-cobra'",
    NULL,
};

/* Everything in one place while the command runs. */
struct session {
    const struct options *options;
    struct gate_options gate_options;
    struct gate gate;
    const char *baseline;
    struct text subject; /* the operands, with blanks */
    bool is_unwritten;   /* what failed is the writing */
};

static enum status check_options(struct session *session, struct error *err)
{
    const struct options *options = session->options;
    struct gate_options *gate = &session->gate_options;
    session->baseline = option_text(options, "baseline");
    *gate = (struct gate_options){
        .pairing = pairing_options_of(options),
        .allowed_drop = option_number(options, "allowed-drop"),
        .allowed_rise = option_number(options, "allowed-rise"),
        .n_draws = option_count(options, "draws"),
    };
    gate->n_only = option_list(options, "task", &gate->only);
    enum status status = option_seed(options, &gate->seed, err);
    if (status)
        return status;
    if (!session->baseline)
        return fail(err, STATUS_USAGE, "--baseline is missing: a file, or a finished run");
    if (options->n_operands == 0)
        return fail(err, STATUS_USAGE, "a run directory is expected");
    if (gate->n_draws < 999 || gate->n_draws > 100000000)
        return fail(err, STATUS_USAGE, "--draws is a number from 999 to 100000000");
    if (!(gate->allowed_drop >= 0 && gate->allowed_drop <= 100))
        return fail(err, STATUS_USAGE, "--allowed-drop is a number of points from 0 to 100");
    if (!(gate->allowed_rise >= 0 && gate->allowed_rise <= 1000))
        return fail(err, STATUS_USAGE, "--allowed-rise is a percentage from 0 to 1000");
    if (option_flag(options, "update") &&
        (gate->n_only > 0 || option_given(options, "junit") || option_given(options, "ci")))
        return fail(err, STATUS_USAGE, "--update decides nothing: no --task, --junit or --ci");
    return STATUS_OK;
}

static enum status decide(struct session *session, const struct gate_side *side, struct error *err)
{
    struct gate_side base;
    struct gate_file file;
    enum status status;
    if (directory_exists(session->baseline)) {
        status = gate_side_open(&session->gate, &base, &session->baseline, 1, err);
        if (status)
            return status;
        status = gate_against_runs(&session->gate, &base, side, err);
        gate_side_close(&base);
        return status;
    }
    status = gate_file_open(&file, session->baseline, err);
    if (status)
        return status;
    status = gate_against_file(&session->gate, &file, side, err);
    gate_file_close(&file);
    return status;
}

static enum status update(struct session *session, const struct gate_side *side, struct error *err)
{
    struct gate_file file;
    size_t n;
    if (directory_exists(session->baseline))
        return fail(err, STATUS_USAGE, "--update writes a file, and %s is a directory",
                    session->baseline);
    enum status status = file_exists(session->baseline)
                             ? gate_file_open(&file, session->baseline, err)
                             : gate_file_new(&file, session->baseline, err);
    if (status)
        return status;
    status = gate_update(&session->gate, &file, side, &n, err);
    if (!status) {
        status = gate_file_write(&file, err);
        session->is_unwritten = status != STATUS_OK;
    }
    if (!status)
        message("%s: recorded %zu of %s", session->baseline, n, text_string(&session->subject));
    gate_file_close(&file);
    return status;
}

static enum status write_junit(const struct checks *checks, const char *path, struct error *err)
{
    struct text text;
    text_init(&text);
    checks_add_junit(checks, &text);
    enum status status = text.failed
                             ? fail(err, STATUS_NO_MEMORY, "out of memory while writing %s", path)
                             : file_write(path, text_string(&text), text.length, err);
    text_release(&text);
    return status;
}

/* GitHub shows a summary of up to 1 MiB. */
static enum status append_summary(const struct checks *checks, struct error *err)
{
    const char *path = getenv("GITHUB_STEP_SUMMARY");
    struct text text;
    if (!path || !path[0]) {
        message("note: GITHUB_STEP_SUMMARY is not set; no summary is written");
        return STATUS_OK;
    }
    text_init(&text);
    checks_add_table(checks, true, &text);
    FILE *file = fopen(path, "a");
    bool ok = file && !text.failed && fputs(text_string(&text), file) >= 0;
    ok = (!file || fclose(file) == 0) && ok;
    text_release(&text);
    return ok ? STATUS_OK : fail(err, STATUS_IO, "cannot write %s: %s", path, strerror(errno));
}

/* Prints and writes everything that was asked for. */
static enum status publish(const struct session *session, const struct checks *checks,
                           struct error *err)
{
    const struct options *options = session->options;
    bool is_json = option_flag(options, "json");
    struct text text;
    enum status status = STATUS_OK;
    if (option_given(options, "junit"))
        status = write_junit(checks, option_text(options, "junit"), err);
    if (!status && option_given(options, "ci"))
        status = append_summary(checks, err);
    text_init(&text);
    if (is_json)
        checks_add_json(checks, mambench_version, &text);
    else if (!checks->error)
        checks_add_table(checks, false, &text);
    if (!is_json && option_given(options, "ci"))
        checks_add_annotations(checks, &text);
    if (!status)
        status = output_text(&text, err);
    text_reset(&text);
    if (!status && is_json && option_given(options, "ci")) { /* standard output is the JSON's */
        checks_add_annotations(checks, &text);
        fputs(text_string(&text), stderr);
    }
    text_release(&text);
    return status;
}

static enum exit_code code_of(const struct session *session, const struct checks *checks)
{
    const char *outcome = option_text(session->options, "inconclusive");
    if (checks_count(checks, GATE_FAILED) > 0)
        return EXIT_CHECK_FAILED;
    if (checks_count(checks, GATE_INCONCLUSIVE) == 0)
        return EXIT_DONE;
    if (!outcome)
        return EXIT_INCONCLUSIVE;
    return strcmp(outcome, "pass") == 0 ? EXIT_DONE : EXIT_CHECK_FAILED;
}

static enum exit_code gate_runs(struct session *session, struct error *err)
{
    struct gate_side side;
    struct gate *gate = &session->gate;
    bool is_update = option_flag(session->options, "update");
    enum status status = check_options(session, err);
    if (!status) {
        status = gate_side_open(gate, &side, session->options->operands,
                                session->options->n_operands, err);
        if (!status) {
            status = is_update ? update(session, &side, err) : decide(session, &side, err);
            gate_side_close(&side);
        }
    }
    enum exit_code code = gate->is_incomplete ? EXIT_INCOMPLETE : exit_of_status(status);
    if (is_update)
        return session->is_unwritten ? EXIT_INTERNAL : code;
    struct error why = status ? *err : (struct error){""};
    const struct checks checks = {
        .baseline = session->baseline ? session->baseline : "nothing",
        .subject = text_string(&session->subject),
        .file = session->baseline && file_exists(session->baseline) ? session->baseline : NULL,
        .items = gate->items,
        .n = gate->n,
        .level = gate->level,
        .notes = gate->notes,
        .n_notes = gate->n_notes,
        .error = status ? why.text : NULL};
    if (publish(session, &checks, err) != STATUS_OK)
        return exit_worst(code, EXIT_INTERNAL);
    return status ? code : code_of(session, &checks);
}

/* What the two ways of gating do not share; both lists end with NULL. */
static enum status check_mode(const struct options *options, struct error *err)
{
    static const char *const of_runs[] = {"baseline",
                                          "update",
                                          "task",
                                          "junit",
                                          "ci",
                                          "draws",
                                          "inconclusive",
                                          "allowed-drop",
                                          "allowed-rise",
                                          "data",
                                          "allow-different-prompts",
                                          "allow-different-data",
                                          "allow-different-samples",
                                          NULL};
    static const char *const of_ab[] = {"pairs", "effect", "level", "metric", NULL};
    bool ab = option_flag(options, "ab");
    for (const char *const *name = ab ? of_runs : of_ab; *name; name++)
        if (option_given(options, *name))
            return fail(err, STATUS_USAGE,
                        ab ? "--ab starts two commands: no --%s beside it"
                           : "--%s is one of --ab, which starts two commands",
                        *name);
    return STATUS_OK;
}

static enum exit_code run(const struct options *options, struct error *err)
{
    if (check_mode(options, err))
        return EXIT_USAGE;
    if (option_flag(options, "ab"))
        return gate_ab_run(options, err);
    struct session session = {.options = options};
    gate_init(&session.gate, &session.gate_options);
    text_init(&session.subject);
    for (size_t i = 0; i < options->n_operands; i++)
        text_addf(&session.subject, "%s%s", i > 0 ? " " : "", options->operands[i]);
    enum exit_code code = gate_runs(&session, err);
    text_release(&session.subject);
    gate_release(&session.gate);
    return code;
}

/* What `git bisect run` understands: anything else than a verdict skips the commit. */
static enum exit_code map_code(enum exit_code code, size_t n, const char *const *arguments)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(arguments[i], "--bisect") == 0)
            return code == EXIT_DONE || code == EXIT_CHECK_FAILED ? code : EXIT_SKIP;
    return code;
}

const struct command command_gate = {
    .name = "gate",
    .summary = "Tells CI whether runs may pass, against a baseline or started in turn",
    .operands = "RUN...",
    .operand_type = OPTION_DIRECTORY,
    .options = options_table,
    .notes = notes,
    .examples = examples,
    .run = run,
    .map_code = map_code,
};
