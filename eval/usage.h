/* eval/usage.h - the command table as help, man page and bash completion. */
#ifndef MAMBENCH_EVAL_USAGE_H
#define MAMBENCH_EVAL_USAGE_H

#include "engine/base/text.h"
#include "eval/command.h"

/* `mambench --help`: all commands, one line each. */
void usage_program(struct text *out);

/* `mambench COMMAND --help`. */
void usage_command(struct text *out, const struct command *command);

/* mambench.1, as roff for man(1). */
void usage_man(struct text *out);

/* A bash completion script. */
void usage_bash(struct text *out);

/* What the exit codes mean, a row each: code, meaning; ends with NULL. */
struct exit_meaning {
    const char *code, *meaning;
};
extern const struct exit_meaning exit_meanings[];

#endif
