/* eval/cmd_run.c - `mambench run`: asks a model the questions of benchmarks and scores it. */
#include "eval/command.h"
#include "eval/model_options.h"
#include "eval/output.h"
#include "eval/plan.h"
#include "eval/progress.h"
#include "reports/table.h"

static const struct option_spec options_table[] = {
    {"model", 'm', OPTION_DIRECTORY, "MODEL",
     "model directory, preset with --random-weights, or baseline:yes, no, majority, "
     "majority-by-type, random",
     NULL, NULL, false},
    {"task", 0, OPTION_TEXT, "PROTOCOL", "protocol, such as pope@triml; several with commas", NULL,
     NULL, true},
    {"data", 'd', OPTION_DIRECTORY, "DIR",
     "folder of the benchmark; one for all tasks, or one per task in their order", NULL, NULL,
     true},
    {"data-root", 0, OPTION_DIRECTORY, "DIR",
     "folder with one folder per benchmark (pope, vsr, gqa ...) instead of --data", NULL, NULL,
     false},
    {"model-root", 0, OPTION_DIRECTORY, "DIR",
     "folder with the models of a suite, instead of the one it names", NULL, NULL, false},
    {"cell", 0, OPTION_TEXT, "MODEL/TASK", "only this cell of a suite", NULL, NULL, true},
    {"list", 'l', OPTION_FLAG, NULL, "list the cells of a suite and run nothing", NULL, NULL,
     false},
    {"out", 'o', OPTION_DIRECTORY, "DIR",
     "run directory; with several tasks one folder per task is made in it, for a suite one per "
     "model with one per task in it; by default runs/MODEL-TASK or runs/SUITE",
     NULL, NULL, false},
    {"limit", 'n', OPTION_COUNT, "N", "ask only the first N samples; 0 is all", "0", NULL, false},
    {"sample-id", 0, OPTION_TEXT, "ID", "ask only this sample", NULL, NULL, true},
    {"slim", 0, OPTION_COUNT, "N",
     "ask only the subset of N samples that TRI's harness calls slim-N (of POPE N of each split); "
     "0 is all",
     "0", NULL, false},
    {"shard", 0, OPTION_TEXT, "I/N",
     "ask only the I-th of N parts, or auto: the part that Slurm or an MPI launcher gives this "
     "process; 'mambench merge' puts them together",
     NULL, NULL, false},
    MODEL_OPTION_ROWS,
    {"seed", 0, OPTION_COUNT, "N", "of random weights and of baseline:random", "0", NULL, false},
    {"max-new-tokens", 0, OPTION_COUNT, "N",
     "instead of the protocol's number; noted in the manifest and the report", NULL, NULL, false},
    {"batch", 'b', OPTION_COUNT, "N",
     "questions computed together at most; 0 is what memory allows; answers do not depend on it",
     "0", NULL, false},
    {"memory", 0, OPTION_SIZE, "SIZE",
     "for the states of the questions that are computed together, such as 4G; by default a quarter "
     "of what is available",
     NULL, NULL, false},
    {"no-reuse", 0, OPTION_FLAG, NULL,
     "read the picture anew for every question, one at a time: slower, the same answers, and "
     "timings that are latencies",
     NULL, NULL, false},
    {"progress", 0, OPTION_CHOICE, "STYLE", "what standard error is told while it runs", "auto",
     progress_choices, false},
    {"sync", 0, OPTION_TEXT, "WHEN",
     "when lines are forced to the disk: every, a number of lines or five seconds, or end", "256",
     NULL, false},
    {"force", 'f', OPTION_FLAG, NULL, "start afresh where the directory holds a run", NULL, NULL,
     false},
    {"quiet", 'q', OPTION_FLAG, NULL, "the same as --progress none, and no other messages", NULL,
     NULL, false},
    {"json", 0, OPTION_FLAG, NULL, "print the summary as JSON", NULL, NULL, false},
    {0},
};

static const char *const notes[] = {
    "Every picture is read once, in the order of their first appearance; its questions, and those "
    "of several pictures while memory allows, are computed together, and a question that repeats "
    "is answered once. No answer changes by a bit for it. The run directory then holds "
    "manifest.json, predictions.jsonl, timings.jsonl, scores.json, report.md and report.csv.",
    "The same command on the same directory goes on where it stopped, after Ctrl-C, a crash or "
    "kill -9, and the predictions are the same bytes as without the interruption. A directory "
    "that holds another run is refused.",
    "A sample whose picture is missing or damaged is recorded with its reason and counted as "
    "wrong; the run goes on and ends with exit code 4.",
    "A suite is a JSON file: models x limits x tasks, each cell with a run directory of its own. "
    "A cell that fails says why and the others go on; the same command goes on where it stopped; "
    "at the end one table is printed, and OUT/suite.json says what became of every cell. An "
    "option given here is stronger than the suite's.",
    NULL,
};

static const char *const examples[] = {
    "mambench run --model examples/mini-cobra --task pope@triml --data examples/mini-bench/pope",
    "mambench run --model baseline:yes --task vsr@triml --data vsr --out runs/yes",
    "mpirun -n 4 mambench run --shard auto --model cobra --task pope@triml --data pope --out "
    "runs/x",
    "mambench run suites/paper-six.json --model-root models --data-root data",
    "mambench run suites/demo.json --cell mini-cobra/pope@triml --limit 100 --out runs/quick",
    NULL,
};

/* The cells and where they lie, for --list. */
static enum exit_code list_cells(const struct plan *plan, struct error *err)
{
    struct arena arena;
    struct table table;
    struct text text;
    arena_init(&arena);
    text_init(&text);
    table_init(&table, &arena, "llll");
    table_cell(&table, "cell");
    table_cell(&table, "model");
    table_cell(&table, "data or picture");
    table_cell(&table, "run directory");
    for (size_t i = 0; i < plan->n_cells; i++) {
        const struct cell *cell = &plan->cells[i];
        table_cell(&table, "%s/%s", cell->row, cell->column);
        table_cell(&table, "%s", cell->model);
        table_cell(&table, "%s", cell->scenario ? cell->image : cell->data);
        table_cell(&table, "%s", cell->directory);
    }
    table_add_to(&table, TABLE_PLAIN, &text);
    enum status status = output_text(&text, err);
    text_release(&text);
    arena_release(&arena);
    return status ? EXIT_INTERNAL : EXIT_DONE;
}

static enum exit_code run(const struct options *options, struct error *err)
{
    struct plan plan;
    enum exit_code code = exit_of_status(plan_make(&plan, options, err));
    if (!code)
        code = option_flag(options, "list") ? list_cells(&plan, err) : plan_run(&plan, err);
    plan_close(&plan);
    return code;
}

const struct command command_run = {
    .name = "run",
    .summary = "Asks a model the questions of benchmarks and scores the answers",
    .operands = "[SUITE.json]",
    .operand_type = OPTION_FILE,
    .options = options_table,
    .notes = notes,
    .examples = examples,
    .run = run,
};
