/* eval/main.c - finds the command and turns its outcome into a sentence and an exit code. */
#include "engine/base/text.h"
#include "eval/command.h"
#include "eval/output.h"
#include "eval/usage.h"
#include "eval/version.h"

#include <stdio.h>
#include <string.h>

/* Prints data that belongs to no command. */
static int print(struct text *text)
{
    struct error err = {""};
    enum status status = output_text(text, &err);
    text_release(text);
    if (status)
        message("mambench: %s", err.text);
    return status ? EXIT_INTERNAL : EXIT_DONE;
}

static int print_help(const struct command *command)
{
    struct text text;
    text_init(&text);
    if (command)
        usage_command(&text, command);
    else
        usage_program(&text);
    return print(&text);
}

static int print_version(void)
{
    struct text text;
    text_init(&text);
    text_addf(&text, "mambench %s\n", mambench_version);
    return print(&text);
}

static int unknown_command(const char *name)
{
    const char *names[32];
    size_t n = 0;
    for (; commands[n] && n < sizeof names / sizeof names[0]; n++)
        names[n] = commands[n]->name;
    const char *near = closest_name(name, names, n);
    if (near)
        message("mambench: unknown command '%s'; did you mean '%s'?", name, near);
    else
        message("mambench: unknown command '%s'; 'mambench --help' lists them", name);
    return EXIT_USAGE;
}

static int run_command(const struct command *command, size_t n, const char *const *arguments)
{
    struct options options;
    struct error err = {""};
    enum status status = options_parse(&options, command->options, n, arguments, &err);
    enum exit_code code = exit_of_status(status);
    if (!status) {
        code = options.help ? (enum exit_code)print_help(command) : command->run(&options, &err);
        options_release(&options);
    }
    if (err.text[0])
        message("mambench %s: %s", command->name, err.text);
    if (code == EXIT_USAGE)
        message("'mambench %s --help' lists the options", command->name);
    return (int)(command->map_code ? command->map_code(code, n, arguments) : code);
}

int main(int argc, char **argv)
{
    command_line = (const char *const *)argv;
    if (argc < 2) {
        message("mambench: a command is expected; 'mambench --help' lists them");
        return EXIT_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--version") == 0)
        return print_version();
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return print_help(NULL);
    const struct command *command = command_find(name);
    if (!command)
        return unknown_command(name);
    return run_command(command, (size_t)argc - 2, (const char *const *)argv + 2);
}
