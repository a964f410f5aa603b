/* eval/cmd_history.c - `mambench history`: finished runs over commits. */
#include "eval/command.h"
#include "eval/history.h"
#include "eval/output.h"
#include "eval/run_list.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const struct option_spec options_table[] = {
    {"file", 'f', OPTION_FILE, "FILE", "the history, a line of JSON a run", "history.jsonl", NULL,
     false},
    {"commit", 'c', OPTION_TEXT, "NAME",
     "what the runs appended are of; by default the version of mambench that made each", NULL, NULL,
     false},
    {"task", 0, OPTION_TEXT, "PROTOCOL", "show only this task", NULL, NULL, false},
    {"model", 'm', OPTION_TEXT, "NAME", "show only this model", NULL, NULL, false},
    {"metric", 0, OPTION_TEXT, "NAME",
     "show this score, first_token_ms or questions_per_s; by default the task's headline", NULL,
     NULL, false},
    {"quiet", 'q', OPTION_FLAG, NULL, "append and show nothing", NULL, NULL, false},
    {"json", 0, OPTION_FLAG, NULL, "print JSON", NULL, NULL, false},
    {0},
};

static const char *const notes[] = {
    "Appends the finished runs to the history, each once however often it is named, and prints a "
    "metric over commits: in the order in which they were appended, with small bars from the "
    "lowest value to the highest.",
    "Lines that are damaged are named and left out; then nothing is appended and the exit code "
    "is 3.",
    "Latencies are those of the runs, as each machine had them: a change between machines shows "
    "nothing.",
    NULL,
};

static const char *const examples[] = {
    "mambench history --file ci/history.jsonl runs/cobra",
    "mambench history --file ci/history.jsonl --task pope@triml --metric adversarial/f1",
    "mambench history --commit $(git rev-parse --short HEAD) runs/cobra/vsr@triml",
    NULL,
};

/* One write, so that two programs that append do not mix their lines. */
static enum status append(const char *path, const struct text *text, struct error *err)
{
    int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (file < 0)
        return fail(err, STATUS_IO, "cannot open %s: %s", path, strerror(errno));
    ssize_t written = write(file, text->data, text->length);
    bool failed = written != (ssize_t)text->length || fsync(file) != 0;
    int reason = written >= 0 && written != (ssize_t)text->length ? ENOSPC : errno;
    failed = close(file) != 0 || failed;
    return failed ? fail(err, STATUS_IO, "cannot write %s: %s", path, strerror(reason)) : STATUS_OK;
}

static enum exit_code add_runs(struct history *history, const char *path,
                               const struct options *options, struct error *err)
{
    struct run_list list;
    struct text text;
    size_t n_new = 0;
    enum status status = run_list_open(&list, options->operands, options->n_operands, true, err);
    if (status)
        return exit_of_status(status);
    text_init(&text);
    text_add(&text, history->lacks_newline ? "\n" : "");
    for (size_t i = 0; i < list.n && !status; i++) {
        bool is_new;
        status = history_add_run(history, &list.records[i], option_text(options, "commit"), &is_new,
                                 &text, err);
        n_new += !status && is_new;
    }
    enum exit_code code = exit_of_status(status);
    if (!status && n_new > 0 && append(path, &text, err) != STATUS_OK)
        code = EXIT_INTERNAL;
    if (code == EXIT_DONE)
        message("%s: %zu of %zu runs appended%s", path, n_new, list.n,
                n_new < list.n ? "; the others are there" : "");
    text_release(&text);
    run_list_close(&list);
    return code;
}

static enum exit_code show(const struct history *history, const char *path,
                           const struct options *options, struct error *err)
{
    const struct history_view view = {option_text(options, "task"), option_text(options, "model"),
                                      option_text(options, "metric")};
    struct text text;
    size_t n;
    text_init(&text);
    if (option_flag(options, "json"))
        history_add_json(history, &view, &text, &n);
    else
        history_add_tables(history, &view, &text, &n);
    enum exit_code code = EXIT_DONE;
    if (n == 0) {
        fail(err, STATUS_NOT_FOUND, "%s has no %s of %s%s%s to show", path,
             view.metric ? view.metric : "score", view.task ? view.task : "any task",
             view.model ? " by " : "", view.model ? view.model : "");
        code = EXIT_DATA;
    } else if (output_text(&text, err) != STATUS_OK) {
        code = EXIT_INTERNAL;
    }
    text_release(&text);
    return code;
}

static enum exit_code run(const struct options *options, struct error *err)
{
    struct history history;
    const char *path = option_text(options, "file");
    enum exit_code code = EXIT_DONE;
    enum status status = history_open(&history, path, err);
    if (status)
        return exit_of_status(status);
    for (size_t i = 0; i < history.n_damaged; i++)
        message("%s", history.damaged[i]);
    if (history.n_damaged > 0)
        code = EXIT_DATA;
    if (history.n_damaged > 0 && options->n_operands > 0)
        fail(err, STATUS_BAD_FORMAT, "nothing is appended to %s while lines of it are damaged",
             path);
    else if (options->n_operands > 0)
        code = add_runs(&history, path, options, err);
    if ((code == EXIT_DONE && !option_flag(options, "quiet")) ||
        (code == EXIT_DATA && history.n > 0 && history.n_damaged > 0))
        code = exit_worst(code, show(&history, path, options, err));
    history_close(&history);
    return code;
}

const struct command command_history = {
    .name = "history",
    .summary = "Keeps finished runs in a file and shows a metric over commits",
    .operands = "[RUN...]",
    .operand_type = OPTION_DIRECTORY,
    .options = options_table,
    .notes = notes,
    .examples = examples,
    .run = run,
};
