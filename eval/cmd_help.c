/* eval/cmd_help.c - `mambench help`: the program's own documentation, from its tables. */
#include "eval/command.h"
#include "eval/output.h"
#include "eval/usage.h"

static const char *const shells[] = {"bash", NULL};

static const struct option_spec options_table[] = {
    {"man", 0, OPTION_FLAG, NULL, "print the man page as roff", NULL, NULL, false},
    {"completion", 0, OPTION_CHOICE, "SHELL", "print a completion script for the shell", NULL,
     shells, false},
    {0},
};

static const char *const examples[] = {
    "mambench help run",
    "mambench help --man | man -l -",
    "source <(mambench help --completion bash)",
    NULL,
};

static enum exit_code run(const struct options *options, struct error *err)
{
    struct text text;
    const struct command *command = NULL;
    if (options->n_operands > 0 && !(command = command_find(options->operands[0]))) {
        fail(err, STATUS_USAGE, "there is no command '%s'", options->operands[0]);
        return EXIT_USAGE;
    }
    text_init(&text);
    if (option_flag(options, "man"))
        usage_man(&text);
    else if (option_given(options, "completion"))
        usage_bash(&text);
    else if (command)
        usage_command(&text, command);
    else
        usage_program(&text);
    enum status status = output_text(&text, err);
    text_release(&text);
    return status ? EXIT_INTERNAL : EXIT_DONE;
}

const struct command command_help = {
    .name = "help",
    .summary = "Prints help, the man page or a completion script",
    .operands = "[COMMAND]",
    .operand_type = OPTION_TEXT,
    .options = options_table,
    .examples = examples,
    .run = run,
};
