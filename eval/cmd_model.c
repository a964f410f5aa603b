/* eval/cmd_model.c - `mambench model`: what a model directory holds, and its model.json. */
#include "engine/base/file.h"
#include "engine/card.h"
#include "eval/command.h"
#include "eval/output.h"
#include "reports/json_writer.h"

#include <string.h>

static const char *const words[] = {"init", "show", "list", NULL};

static const struct option_spec options_table[] = {
    {"force", 'f', OPTION_FLAG, NULL, "init: replace a model.json that is there", NULL, NULL,
     false},
    {"json", 0, OPTION_FLAG, NULL, "print JSON", NULL, NULL, false},
    {0},
};

static const char *const notes[] = {
    "init detects the official layout in DIR and writes DIR/model.json; show prints parts, shapes, "
    "parameters and bytes of a directory or a preset; list names the presets.",
    NULL,
};

static const char *const examples[] = {
    "mambench model init models/cobra",
    "mambench model show cobra+3b",
    NULL,
};

static enum status list_presets(bool json, struct text *out)
{
    struct json_writer writer;
    json_begin(&writer, out);
    if (json)
        json_open(&writer, NULL, '[');
    for (size_t i = 0; card_preset_names[i]; i++) {
        if (json)
            json_put_string(&writer, NULL, card_preset_names[i]);
        else
            text_addf(out, "%s\n", card_preset_names[i]);
    }
    if (json)
        json_close(&writer, ']');
    return STATUS_OK;
}

/* The card of a directory or, where there is none of this name, of a preset. */
static enum status find_card(struct card *card, const char *model, struct arena *arena,
                             struct error *err)
{
    if (!directory_exists(model) && card_preset(card, model, arena, NULL) == STATUS_OK)
        return STATUS_OK;
    return card_open(card, model, arena, err);
}

static enum status show(const char *model, bool json, struct text *out, struct error *err)
{
    struct card card;
    struct arena arena;
    arena_init(&arena);
    enum status status = find_card(&card, model, &arena, err);
    if (!status)
        status = card_describe(&card, json, out, err);
    arena_release(&arena);
    return status;
}

static enum exit_code write_card(const struct card *card, const char *path, struct error *err)
{
    struct text text;
    text_init(&text);
    card_write(card, &text);
    enum status status = text.failed
                             ? fail(err, STATUS_NO_MEMORY, "out of memory while writing %s", path)
                             : file_write(path, text_string(&text), text.length, err);
    text_release(&text);
    return status ? EXIT_INTERNAL : EXIT_DONE;
}

static enum exit_code init(const char *directory, bool force, struct error *err)
{
    struct card card;
    struct arena arena;
    arena_init(&arena);
    const char *path = path_join(&arena, directory, "model.json");
    enum status status;
    if (!path)
        status = fail(err, STATUS_NO_MEMORY, "out of memory while reading %s", directory);
    else if (file_exists(path) && !force)
        status = fail(err, STATUS_USAGE, "%s is there already; --force replaces it", path);
    else
        status = card_detect(&card, directory, &arena, err);
    enum exit_code code = exit_of_status(status);
    if (!code)
        code = write_card(&card, path, err);
    if (!code)
        message("wrote %s: %s", path, card.name);
    arena_release(&arena);
    return code;
}

static enum exit_code run(const struct options *options, struct error *err)
{
    const char *verb = options->n_operands > 0 ? options->operands[0] : "";
    bool json = option_flag(options, "json");
    size_t n = options->n_operands;
    struct text text;
    enum status status;
    if (strcmp(verb, "init") == 0 && n == 2)
        return init(options->operands[1], option_flag(options, "force"), err);
    text_init(&text);
    if (strcmp(verb, "list") == 0 && n == 1)
        status = list_presets(json, &text);
    else if (strcmp(verb, "show") == 0 && n == 2)
        status = show(options->operands[1], json, &text, err);
    else
        status = fail(err, STATUS_USAGE, "'init DIR', 'show MODEL' or 'list' is expected");
    enum exit_code code = exit_of_status(status);
    if (!code && output_text(&text, err))
        code = EXIT_INTERNAL;
    text_release(&text);
    return code;
}

const struct command command_model = {
    .name = "model",
    .summary = "Describes a model directory and writes its model.json",
    .operands = "init DIR | show MODEL | list",
    .words = words,
    .operand_type = OPTION_DIRECTORY,
    .options = options_table,
    .notes = notes,
    .examples = examples,
    .run = run,
};
