/* eval/cmd_task.c - `mambench task`: the protocols, and what exactly is asked. */
#include "eval/command.h"
#include "eval/model_options.h"
#include "eval/output.h"
#include "eval/task.h"
#include "reports/json_writer.h"

#include <string.h>

static const char *const words[] = {"list", "show", NULL};

static const struct option_spec options_table[] = {
    {"data", 'd', OPTION_DIRECTORY, "DIR", "folder of the benchmark: shows a real sample", NULL,
     NULL, false},
    {"sample", 0, OPTION_COUNT, "N", "which one, in evaluation order", "0", NULL, false},
    {"slim", 0, OPTION_COUNT, "N", "of TRI's subset slim-N", "0", NULL, false},
    {"sample-id", 0, OPTION_TEXT, "ID", "the sample with this id instead", NULL, NULL, false},
    {"model", 'm', OPTION_DIRECTORY, "MODEL", "shows the prompt as this model reads it", NULL, NULL,
     false},
    MODEL_OPTION_ROWS,
    {"seed", 0, OPTION_COUNT, "N", "of random weights", "0", NULL, false},
    {"json", 0, OPTION_FLAG, NULL, "print JSON", NULL, NULL, false},
    {0},
};

static const char *const examples[] = {
    "mambench task list",
    "mambench task show pope@triml --data pope --sample 3 --model examples/mini-cobra",
    NULL,
};

static void put_list_item(struct json_writer *writer, const struct protocol *protocol)
{
    json_open(writer, NULL, '{');
    json_put_string(writer, "name", protocol->name);
    json_put_string(writer, "dataset", protocol->dataset->name);
    json_put_string(writer, "variant", protocol->variant);
    json_put_string(writer, "headline", protocol->headline);
    json_put_string(writer, "title", protocol->title);
    json_close(writer, '}');
}

/* The same protocol on the benchmark's other variants. */
static void add_variants(struct text *out, const struct protocol *protocol)
{
    const char *const *variants = protocol->dataset->variants;
    const char *harness = strchr(protocol->name, '@');
    text_addf(out, "                 on %s; as %s:VARIANT%s on", protocol->variant,
              protocol->dataset->name, harness ? harness : "@...");
    for (size_t i = 0; variants[i]; i++)
        if (strcmp(variants[i], protocol->variant) != 0)
            text_addf(out, " %s", variants[i]);
    text_add_char(out, '\n');
}

static enum status add_list(struct text *out, bool json, struct error *err)
{
    struct arena arena;
    struct json_writer writer;
    enum status status = STATUS_OK;
    arena_init(&arena);
    json_begin(&writer, out);
    if (json)
        json_open(&writer, NULL, '[');
    for (size_t i = 0; !status && protocol_names[i]; i++) {
        struct protocol protocol;
        status = protocol_open(&protocol, protocol_names[i], &arena, err);
        if (!status && json)
            put_list_item(&writer, &protocol);
        else if (!status)
            text_addf(out, "%-22s %s; headline %s\n%-22s %s\n", protocol.name,
                      protocol.dataset->title, protocol.headline, "", protocol.title);
        if (!status && !json)
            add_variants(out, &protocol);
    }
    if (json)
        json_close(&writer, ']');
    arena_release(&arena);
    return status;
}

/* What `task show` knows; strings that are not known are NULL. */
struct shown {
    const struct task *task;
    const struct sample *sample;
    struct text message, prompt;
    const char *model;
};

static void put_json(const struct shown *shown, struct text *out)
{
    const struct protocol *protocol = &shown->task->protocol;
    struct json_writer writer;
    json_begin(&writer, out);
    json_open(&writer, NULL, '{');
    json_put_string(&writer, "name", protocol->name);
    json_put_count(&writer, "version", (uint64_t)protocol->version);
    json_put_string(&writer, "hash", protocol->hash);
    json_put_string(&writer, "title", protocol->title);
    json_put_string(&writer, "reference", protocol->reference);
    json_put_string(&writer, "dataset", protocol->dataset->name);
    json_put_string(&writer, "variant", protocol->variant);
    json_put_string(&writer, "template", protocol->message);
    json_put_strings(&writer, "choices", protocol->choices, protocol->n_choices);
    json_put_count(&writer, "max_new_tokens", (uint64_t)protocol->max_new_tokens);
    json_put_string(&writer, "metric", protocol->metric);
    json_put_string(&writer, "headline", protocol->headline);
    json_put_string(&writer, "missing", protocol->missing);
    json_put_string(&writer, "duplicates", protocol->duplicates);
    if (shown->sample) {
        json_put_string(&writer, "sample", shown->sample->id);
        json_put_string(&writer, "image", shown->sample->image_path);
        json_put_strings(&writer, "answers", shown->sample->answers, shown->sample->n_answers);
        json_put_string(&writer, "message", text_string(&shown->message));
    }
    if (shown->prompt.length > 0)
        json_put_string(&writer, "prompt", text_string(&shown->prompt));
    json_close(&writer, '}');
}

static void add_text(const struct shown *shown, struct text *out)
{
    const struct protocol *protocol = &shown->task->protocol;
    text_addf(out,
              "%s, version %d\n  scores as   %s\n  reference   %s\n  benchmark   %s, variant %s\n"
              "  files       %s\n  metric      %s, headline %s\n  hash        %s\n",
              protocol->name, protocol->version, protocol->title, protocol->reference,
              protocol->dataset->title, protocol->variant, protocol->dataset->expects,
              protocol->metric, protocol->headline, protocol->hash);
    text_addf(out, "  no answer   %s\n", protocol->missing);
    if (protocol->duplicates)
        text_addf(out, "  two answers %s\n", protocol->duplicates);
    text_add(out, "  choices     ");
    for (size_t i = 0; i < protocol->n_choices; i++)
        text_addf(out, "%s%s", i > 0 ? ", " : "", protocol->choices[i]);
    text_addf(out, "%s\n  new tokens  at most %d\n",
              protocol->n_choices == 0 ? "none: the text is scored" : "", protocol->max_new_tokens);
    if (shown->sample) {
        text_addf(out, "  sample      %s, image %s\n  answer      ", shown->sample->id,
                  shown->sample->image_path);
        for (size_t i = 0; i < shown->sample->n_answers; i++)
            text_addf(out, "%s%s", i > 0 ? ", " : "", shown->sample->answers[i]);
        text_add_char(out, '\n');
    }
    text_addf(out, "\nuser turn:\n%s\n",
              shown->sample ? text_string(&shown->message) : protocol->message);
    if (shown->prompt.length > 0)
        text_addf(out, "\nprompt as %s reads it, behind the image:\n%s\n", shown->model,
                  text_string(&shown->prompt));
}

static enum status add_prompt(struct shown *shown, const struct options *options, struct error *err)
{
    struct engine_options engine_options;
    struct engine *engine;
    const char *model = option_text(options, "model");
    if (!model)
        return STATUS_OK;
    enum status status = model_options_read(options, &engine_options, err);
    if (!status)
        status = engine_open(&engine, model, &engine_options, err);
    if (status)
        return status;
    engine_prompt(engine,
                  shown->sample ? text_string(&shown->message) : shown->task->protocol.message,
                  &shown->prompt);
    engine_close(engine);
    shown->model = model;
    return STATUS_OK;
}

static enum status add_show(struct text *out, const struct options *options, struct error *err)
{
    struct task task;
    struct shown shown = {.task = &task};
    const char *data = option_text(options, "data"), *id = option_text(options, "sample-id");
    struct task_selection selection = {
        .slim = option_count(options, "slim"), .sample_ids = &id, .n_sample_ids = id ? 1 : 0};
    size_t index = option_count(options, "sample");
    enum status status = task_open(&task, options->operands[1], err);
    if (status)
        return status;
    text_init(&shown.message);
    text_init(&shown.prompt);
    if (data)
        status = task_load(&task, data, &selection, err);
    if (!status && data && index >= task.set.n_samples)
        status = fail(err, STATUS_USAGE, "--sample %zu: %s has %zu samples", index, data,
                      task.set.n_samples);
    if (!status && data) {
        shown.sample = &task.set.samples[task.order[index]];
        protocol_message(&task.protocol, shown.sample, &shown.message);
    }
    if (!status)
        status = add_prompt(&shown, options, err);
    if (!status && option_flag(options, "json"))
        put_json(&shown, out);
    else if (!status)
        add_text(&shown, out);
    text_release(&shown.message);
    text_release(&shown.prompt);
    task_close(&task);
    return status;
}

static enum exit_code run(const struct options *options, struct error *err)
{
    const char *verb = options->n_operands > 0 ? options->operands[0] : "";
    struct text text;
    enum status status;
    text_init(&text);
    if (strcmp(verb, "list") == 0 && options->n_operands == 1)
        status = add_list(&text, option_flag(options, "json"), err);
    else if (strcmp(verb, "show") == 0 && options->n_operands == 2)
        status = add_show(&text, options, err);
    else
        status = fail(err, STATUS_USAGE, "'list' or 'show PROTOCOL' is expected");
    enum exit_code code = exit_of_status(status);
    if (!code && output_text(&text, err))
        code = EXIT_INTERNAL;
    text_release(&text);
    return code;
}

const struct command command_task = {
    .name = "task",
    .summary = "Lists the protocols and shows what exactly is asked",
    .operands = "list | show PROTOCOL",
    .words = words,
    .operand_type = OPTION_TEXT,
    .options = options_table,
    .examples = examples,
    .run = run,
};
