/* eval/cmd_gate.c - `mambench gate`: did it get slower? */
#include "eval/command.h"
#include "eval/gate_ab.h"

static const struct option_spec options_table[] = {
    GATE_AB_OPTION_ROWS,
    {"seed", 0, OPTION_COUNT, "N", "of the order of starts and of the resamples", "0", NULL, false},
    {"json", 0, OPTION_FLAG, NULL, "print JSON", NULL, NULL, false},
    {0},
};

static const char *const examples[] = {
    "mambench gate --ab 'old/mambench profile -m cobra -o json' 'new/mambench profile -m cobra -o "
    "json'",
    NULL,
};

static enum exit_code run(const struct options *options, struct error *err)
{
    if (!option_flag(options, "ab"))
        return exit_of_status(fail(err, STATUS_USAGE, "--ab is needed"));
    return gate_ab_run(options, err);
}

const struct command command_gate = {
    .name = "gate",
    .summary = "Fails where something got worse",
    .operands = "A B",
    .operand_type = OPTION_TEXT,
    .options = options_table,
    .examples = examples,
    .run = run,
};
