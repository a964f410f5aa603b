/* eval/command.h - one command of the program.
 *
 * To add a command: write eval/cmd_<name>.c with its option table and run function, list it in
 * eval/registry.c, and add a line to the README.  Help, man page and completion follow. */
#ifndef MAMBENCH_EVAL_COMMAND_H
#define MAMBENCH_EVAL_COMMAND_H

#include "engine/base/error.h"
#include "eval/exit_code.h"
#include "eval/options.h"

struct command {
    const char *name;
    const char *summary;           /* one line */
    const char *operands;          /* "RUN..."; "" for none */
    const char *const *words;      /* fixed first operands ("list", "show"); NULL: none */
    enum option_type operand_type; /* what completion offers for further operands */
    const struct option_spec *options;
    const char *const *notes;    /* paragraphs of the long help, NULL-terminated; may be NULL */
    const char *const *examples; /* command lines, NULL-terminated; may be NULL */
    /* Does it.  A sentence in err is printed by main() and need not mean failure of the rest. */
    enum exit_code (*run)(const struct options *options, struct error *err);
    /* What the process ends with instead, whatever came before, arguments that could not be parsed
     * included; NULL: the code itself. */
    enum exit_code (*map_code)(enum exit_code code, size_t n_arguments,
                               const char *const *arguments);
};

/* The table, NULL-terminated. */
extern const struct command *const commands[];

/* By name, or NULL. */
const struct command *command_find(const char *name);

/* The arguments of this process, for the manifest and the resume command.  Set once by main(). */
extern const char *const *command_line;

#endif
