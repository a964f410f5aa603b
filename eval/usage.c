#include "eval/usage.h"

#include "eval/version.h"

#include <stdio.h>
#include <string.h>

static const char title[] = "measures vision-language models: state space models and the "
                            "Transformers they are compared with";

const struct exit_meaning exit_meanings[] = {
    {"0", "done"},
    {"1", "a selftest or a gate failed"},
    {"2", "wrong usage, or a run directory that belongs to another run"},
    {"3", "model or data missing or damaged"},
    {"4", "done, but some samples have no answer; the scores count them as wrong"},
    {"5", "internal: out of memory, or output that cannot be written"},
    {"6", "inconclusive: what was measured does not tell"},
    {"125", "with --bisect: no verdict"},
    {"130, 143", "interrupted (SIGINT, SIGTERM); the same command resumes"},
    {NULL, NULL},
};

/* "-o, --out DIR" */
static int option_heading(char *out, size_t size, const struct option_spec *spec)
{
    char letter[8] = "    ";
    if (spec->letter)
        snprintf(letter, sizeof letter, "-%c, ", spec->letter);
    return snprintf(out, size, "%s--%s%s%s", letter, spec->name, spec->argument ? " " : "",
                    spec->argument ? spec->argument : "");
}

static void add_choices(struct text *out, const struct option_spec *spec, const char *separator)
{
    for (size_t i = 0; spec->choices[i]; i++)
        text_addf(out, "%s%s", i > 0 ? separator : "", spec->choices[i]);
}

/* What follows an option's sentence: its choices, default and repetition. */
static void add_facts(struct text *out, const struct option_spec *spec)
{
    if (spec->type == OPTION_CHOICE) {
        text_add(out, ": ");
        add_choices(out, spec, ", ");
    }
    if (spec->fallback)
        text_addf(out, " (default: %s)", spec->fallback);
    if (spec->repeatable)
        text_add(out, " (may be repeated)");
}

/* Words of paragraph, broken at 80 columns, each line behind indent blanks; column is where the
 * first line stands. */
static void add_wrapped(struct text *out, const char *paragraph, size_t indent, size_t column)
{
    enum { WIDTH = 80 };
    bool first = true;
    for (const char *word = paragraph; *word;) {
        size_t length = strcspn(word, " ");
        if (!first && column + 1 + length > WIDTH) {
            text_addf(out, "\n%*s", (int)indent, "");
            column = indent;
            first = true;
        }
        text_addf(out, "%s%.*s", first ? "" : " ", (int)length, word);
        column += length + (first ? 0 : 1);
        first = false;
        word += length;
        word += strspn(word, " ");
    }
    text_add_char(out, '\n');
}

static void add_option_help(struct text *out, const struct option_spec *spec)
{
    enum { COLUMN = 30 };
    char heading[80];
    struct text sentence;
    text_init(&sentence);
    text_add(&sentence, spec->help);
    add_facts(&sentence, spec);
    option_heading(heading, sizeof heading, spec);
    text_addf(out, "  %-*s", COLUMN - 2, heading);
    if (strlen(heading) + 3 > COLUMN)
        text_addf(out, "\n%*s", COLUMN, "");
    add_wrapped(out, text_string(&sentence), COLUMN, COLUMN);
    text_release(&sentence);
}

/* "mambench score RUN..." */
static void add_synopsis(struct text *out, const struct command *command)
{
    text_addf(out, "mambench %s", command->name);
    if (command->options[0].name)
        text_add(out, " [options]");
    if (command->operands[0])
        text_addf(out, " %s", command->operands);
}

void usage_program(struct text *out)
{
    text_addf(out, "mambench %s %s.\n\nusage: mambench COMMAND [options]\n\ncommands:\n",
              mambench_version, title);
    for (size_t i = 0; commands[i]; i++)
        text_addf(out, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    text_add(out, "\n'mambench COMMAND --help' tells the options of a command, 'mambench --version'"
                  " the version.\n\nexit codes:\n");
    for (size_t i = 0; exit_meanings[i].code; i++)
        text_addf(out, "  %-10s %s\n", exit_meanings[i].code, exit_meanings[i].meaning);
}

void usage_command(struct text *out, const struct command *command)
{
    text_add(out, "usage: ");
    add_synopsis(out, command);
    text_addf(out, "\n\n%s.\n\noptions:\n", command->summary);
    for (size_t i = 0; command->options[i].name; i++)
        add_option_help(out, &command->options[i]);
    text_add(out, "  -h, --help                  print this help\n");
    for (size_t i = 0; command->notes && command->notes[i]; i++) {
        text_add_char(out, '\n');
        add_wrapped(out, command->notes[i], 0, 0);
    }
    if (command->examples)
        text_add(out, "\nexamples:\n");
    for (size_t i = 0; command->examples && command->examples[i]; i++)
        text_addf(out, "  %s\n", command->examples[i]);
}

/* Text as roff prints it: nothing is taken for a request, hyphens stay hyphens. */
static void add_roff(struct text *out, const char *string)
{
    if (*string == '.' || *string == '\'')
        text_add(out, "\\&");
    for (; *string; string++) {
        if (*string == '-')
            text_add(out, "\\-");
        else if (*string == '\\')
            text_add(out, "\\e");
        else
            text_add_char(out, *string);
    }
}

static void add_man_option(struct text *out, const struct option_spec *spec)
{
    text_add(out, ".TP\n");
    if (spec->letter)
        text_addf(out, "\\fB\\-%c\\fR, ", spec->letter);
    text_add(out, "\\fB\\-\\-");
    add_roff(out, spec->name);
    text_add(out, "\\fR");
    if (spec->argument) {
        text_add(out, " \\fI");
        add_roff(out, spec->argument);
        text_add(out, "\\fR");
    }
    text_add_char(out, '\n');
    struct text sentence;
    text_init(&sentence);
    text_add(&sentence, spec->help);
    add_facts(&sentence, spec);
    add_roff(out, text_string(&sentence));
    text_add(out, ".\n");
    text_release(&sentence);
}

static void add_man_command(struct text *out, const struct command *command)
{
    struct text synopsis;
    text_init(&synopsis);
    add_synopsis(&synopsis, command);
    text_add(out, ".SS \"");
    add_roff(out, text_string(&synopsis));
    text_add(out, "\"\n");
    text_release(&synopsis);
    add_roff(out, command->summary);
    text_add(out, ".\n");
    for (size_t i = 0; command->options[i].name; i++)
        add_man_option(out, &command->options[i]);
    for (size_t i = 0; command->notes && command->notes[i]; i++) {
        text_add(out, ".PP\n");
        add_roff(out, command->notes[i]);
        text_add_char(out, '\n');
    }
    for (size_t i = 0; command->examples && command->examples[i]; i++) {
        text_add(out, i == 0 ? ".PP\n.nf\n" : "");
        add_roff(out, command->examples[i]);
        text_add(out, command->examples[i + 1] ? "\n" : "\n.fi\n");
    }
}

/* What programs around this one can set, and what it leaves; for the man page. */
struct man_entry {
    const char *name, *meaning;
};

static const struct man_entry variables[] = {
    {"NO_COLOR", "if not empty, output is never coloured."},
    {"TERM", "progress is a line that moves where standard error is a terminal that is not dumb."},
    {"XDG_CACHE_HOME, HOME",
     "where the digests of large files are kept: mambench/sha256 in the first, .cache/mambench/"
     "sha256 in the second. Without either they are computed anew."},
    {"SLURM_ARRAY_TASK_ID, SLURM_ARRAY_TASK_COUNT, SLURM_PROCID, SLURM_NTASKS",
     "which part of the samples is this process's, with --shard auto."},
    {"OMPI_COMM_WORLD_RANK, OMPI_COMM_WORLD_SIZE, PMI_RANK, PMI_SIZE", "the same below mpirun."},
    {"GITHUB_STEP_SUMMARY", "the file to which 'mambench gate --ci github' appends its table."},
    {NULL, NULL},
};

static const struct man_entry files[] = {
    {"RUN/manifest.json", "what was run: every setting with its origin, digests, machine."},
    {"RUN/predictions.jsonl", "a line a sample, appended; an interrupted run goes on behind it."},
    {"RUN/timings.jsonl", "what each took, by stage."},
    {"RUN/scores.json", "every metric with n, interval, failures, floors."},
    {"RUN/profile.json", "raw times of 'mambench profile'."},
    {"RUN/report.md, RUN/report.csv", "the same for readers."},
    {NULL, NULL},
};

static void add_man_entries(struct text *out, const char *title_of, const struct man_entry *entries)
{
    text_addf(out, ".SH %s\n", title_of);
    for (; entries->name; entries++) {
        text_add(out, ".TP\n");
        add_roff(out, entries->name);
        text_add_char(out, '\n');
        add_roff(out, entries->meaning);
        text_add_char(out, '\n');
    }
}

void usage_man(struct text *out)
{
    text_add(out, ".TH MAMBENCH 1 \"\" \"mambench ");
    add_roff(out, mambench_version);
    text_addf(out, "\" \"User Commands\"\n.SH NAME\nmambench \\- %s\n", title);
    text_add(out, ".SH SYNOPSIS\n\\fBmambench\\fR \\fICOMMAND\\fR [options]\n.SH DESCRIPTION\n"
                  "Asks a model the questions of a benchmark, scores the answers as a named "
                  "reference scorer does, and measures speed in the same run.\n"
                  "Data goes to standard output, messages and progress to standard error.\n"
                  ".SH COMMANDS\nEvery command also takes \\fB\\-h\\fR, \\fB\\-\\-help\\fR.\n");
    for (size_t i = 0; commands[i]; i++)
        add_man_command(out, commands[i]);
    text_add(out, ".SH EXIT STATUS\n");
    for (size_t i = 0; exit_meanings[i].code; i++) {
        text_addf(out, ".TP\n%s\n", exit_meanings[i].code);
        add_roff(out, exit_meanings[i].meaning);
        text_add(out, ".\n");
    }
    add_man_entries(out, "ENVIRONMENT", variables);
    add_man_entries(out, "FILES", files);
}

static void add_bash_arguments(struct text *out, const struct option_spec *spec)
{
    if (spec->type == OPTION_FLAG)
        return;
    text_addf(out, "        %s:--%s) COMPREPLY=(", "$command", spec->name);
    if (spec->type == OPTION_FILE)
        text_add(out, "$(compgen -f -- \"$current\")");
    else if (spec->type == OPTION_DIRECTORY)
        text_add(out, "$(compgen -d -- \"$current\")");
    else if (spec->type == OPTION_CHOICE) {
        text_add(out, "$(compgen -W '");
        add_choices(out, spec, " ");
        text_add(out, "' -- \"$current\")");
    }
    text_add(out, "); return ;;\n");
}

static void add_bash_command(struct text *out, const struct command *command)
{
    text_addf(out, "    %s)\n        options='", command->name);
    for (size_t i = 0; command->options[i].name; i++)
        text_addf(out, "--%s ", command->options[i].name);
    text_add(out, "--help'\n        words='");
    for (size_t i = 0; command->words && command->words[i]; i++)
        text_addf(out, "%s%s", i > 0 ? " " : "", command->words[i]);
    text_addf(out, "'\n        operands=%s\n        case \"$command:$previous\" in\n",
              command->operand_type == OPTION_DIRECTORY ? "-d"
              : command->operand_type == OPTION_FILE    ? "-f"
                                                        : "");
    for (size_t i = 0; command->options[i].name; i++)
        add_bash_arguments(out, &command->options[i]);
    text_add(out, "        esac ;;\n");
}

void usage_bash(struct text *out)
{
    text_add(out,
             "# bash completion for mambench; printed by `mambench help --completion bash`\n"
             "_mambench()\n{\n"
             "    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
             "    local command=${COMP_WORDS[1]} options='' words='' operands=''\n"
             "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
             "        COMPREPLY=($(compgen -W '");
    for (size_t i = 0; commands[i]; i++)
        text_addf(out, "%s ", commands[i]->name);
    text_add(out, "--help --version' -- \"$current\"))\n        return\n    fi\n"
                  "    case $command in\n");
    for (size_t i = 0; commands[i]; i++)
        add_bash_command(out, commands[i]);
    text_add(out, "    esac\n"
                  "    if [[ $current == -* ]]; then\n"
                  "        COMPREPLY=($(compgen -W \"$options\" -- \"$current\"))\n"
                  "    elif [ \"$COMP_CWORD\" -eq 2 ] && [ -n \"$words\" ]; then\n"
                  "        COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
                  "    elif [ -n \"$operands\" ]; then\n"
                  "        COMPREPLY=($(compgen $operands -- \"$current\"))\n"
                  "    fi\n}\n"
                  "complete -o filenames -F _mambench mambench\n");
}
