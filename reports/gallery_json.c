#include "engine/base/json.h"
#include "reports/gallery.h"
#include "reports/html_text.h"
#include "reports/json_writer.h"

#include <math.h>

/* Six decimals: a probability is looked at, not computed with. */
static void put_rounded(struct json_writer *writer, const char *key, double value)
{
    json_put_number(writer, key, round(value * 1e6) / 1e6);
}

static void put_optional(struct json_writer *writer, const char *key, const char *value)
{
    if (value)
        json_put_string(writer, key, value);
}

static void put_answer(struct json_writer *writer, const struct gallery_answer *answer,
                       size_t n_choices)
{
    if (!answer->asked) {
        json_put_raw(writer, NULL, "null");
        return;
    }
    json_open(writer, NULL, '{');
    put_optional(writer, "text", answer->text);
    put_optional(writer, "failure", answer->failure);
    if (answer->probabilities) {
        json_open(writer, "p", '[');
        for (size_t c = 0; c < n_choices; c++)
            put_rounded(writer, NULL, answer->probabilities[c]);
        json_close(writer, ']');
    }
    if (answer->right >= 0)
        json_put_bool(writer, "right", answer->right);
    if (!isnan(answer->credit))
        put_rounded(writer, "credit", answer->credit);
    json_close(writer, '}');
}

static void put_sample(struct json_writer *writer, const struct gallery_task *task, size_t i)
{
    const struct gallery_sample *sample = &task->samples[i];
    json_open(writer, NULL, '{');
    json_put_string(writer, "id", sample->id);
    put_optional(writer, "question", sample->question);
    put_optional(writer, "prompt", sample->prompt);
    put_optional(writer, "group", sample->group);
    put_optional(writer, "category", sample->category);
    json_put_strings(writer, "references", sample->references, sample->n_references);
    json_put_count(writer, "image", sample->image);
    json_open(writer, "answers", '[');
    for (size_t r = 0; r < task->n_runs; r++)
        put_answer(writer, &task->answers[r][i], task->n_choices);
    json_close(writer, ']');
    json_close(writer, '}');
}

/* One line of JSON at a time: line is used again. */
static void add_samples(const struct gallery_task *task, struct text *line, struct text *out)
{
    for (size_t i = 0; i < task->n_samples; i++) {
        struct json_writer writer;
        text_reset(line);
        json_begin_line(&writer, line);
        put_sample(&writer, task, i);
        html_add_json(out, text_string(line));
        text_add(out, i + 1 < task->n_samples ? ",\n" : "\n");
    }
}

/* A task's members but for its samples, which follow. */
static void add_task(const struct gallery_task *task, struct text *line, struct text *out)
{
    struct json_writer writer;
    text_reset(line);
    json_begin_line(&writer, line);
    json_open(&writer, NULL, '{');
    json_put_string(&writer, "name", task->protocol);
    json_put_string(&writer, "message", task->message);
    json_put_strings(&writer, "choices", task->choices, task->n_choices);
    json_put_strings(&writer, "runs", task->runs, task->n_runs);
    json_put_count(&writer, "leftOut", task->n_left_out);
    html_add_json(out, text_string(line));
    text_add(out, ", \"samples\": [\n");
    add_samples(task, line, out);
    text_add(out, "]}");
}

static void add_image(const struct gallery_image *image, struct text *out)
{
    struct text address;
    text_init(&address);
    if (image->preview) {
        text_add(out, "\"data:image/jpeg;base64,");
        html_add_base64(out, image->preview, image->preview_bytes);
        text_add_char(out, '"');
    } else if (image->path) {
        html_add_address(&address, image->path);
        text_addf(out, "\"%s\"", text_string(&address));
    } else {
        text_add(out, "null");
    }
    out->failed = out->failed || address.failed;
    text_release(&address);
}

void gallery_add_json(const struct gallery *gallery, struct text *out)
{
    struct text line;
    text_init(&line);
    text_add(out, "{\"tasks\": [");
    for (size_t t = 0; t < gallery->n_tasks; t++) {
        text_add(out, t > 0 ? ",\n" : "");
        add_task(&gallery->tasks[t], &line, out);
    }
    text_add(out, "],\n\"images\": [");
    for (size_t i = 0; i < gallery->n_images; i++) {
        text_add(out, i > 0 ? ",\n" : "\n");
        add_image(&gallery->images[i], out);
    }
    text_add(out, "]}\n");
    out->failed = out->failed || line.failed;
    text_release(&line);
}
