#include "eval/command.h"

#include <stddef.h>
#include <string.h>

const char *const *command_line;

extern const struct command command_run, command_merge, command_score, command_report,
    command_compare, command_explain, command_gate, command_history, command_study, command_power,
    command_profile, command_ask, command_model, command_task, command_submit, command_doctor,
    command_selftest, command_help;

const struct command *const commands[] = {
    &command_run,
    &command_merge,
    &command_score,
    &command_report,
    &command_compare,
    &command_explain,
    &command_gate,
    &command_history,
    &command_study,
    &command_power,
    &command_profile,
    &command_ask,
    &command_model,
    &command_task,
    &command_submit,
    &command_doctor,
    &command_selftest,
    &command_help,
    NULL,
};

const struct command *command_find(const char *name)
{
    for (size_t i = 0; commands[i]; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}
