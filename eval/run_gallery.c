#include "eval/run_gallery.h"

#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/base/string_map.h"
#include "eval/prediction_log.h"
#include "eval/run_answers.h"
#include "eval/scoring.h"

#include <math.h>
#include <string.h>

/* The gallery while it grows. */
struct builder {
    struct run_gallery *made;
    const struct run_gallery_options *options;
    struct string_map samples; /* of the task in work: key to number */
    struct string_map images;  /* place to number */
    size_t image_capacity;
    struct arena keys; /* what the maps point to */
};

static enum status no_memory(struct error *err)
{
    return fail(err, STATUS_NO_MEMORY, "out of memory while gathering samples");
}

/* The number of a picture; name alone where its place is not known. */
static size_t image_number(struct builder *builder, const char *name, const char *path)
{
    struct gallery *gallery = &builder->made->gallery;
    struct arena *arena = &builder->made->arena;
    const char *key = arena_string(&builder->keys, path ? path : name);
    int64_t number = (int64_t)gallery->n_images;
    if (!key || !string_map_add(&builder->images, key, strlen(key), number, &number))
        return (size_t)number;
    if (gallery->n_images == builder->image_capacity) {
        size_t capacity = builder->image_capacity ? builder->image_capacity * 2 : 64;
        struct gallery_image *larger = arena_alloc_small(arena, capacity, sizeof *larger);
        if (!larger)
            return 0;
        if (gallery->n_images > 0)
            memcpy(larger, gallery->images, gallery->n_images * sizeof *larger);
        gallery->images = larger;
        builder->image_capacity = capacity;
    }
    gallery->images[gallery->n_images++] =
        (struct gallery_image){.path = path ? arena_string(arena, path) : NULL};
    return (size_t)number;
}

/* What makes a sample the same one in two runs. */
static const char *key_of(struct builder *builder, const struct sample *sample)
{
    struct text key;
    text_init(&key);
    text_addf(&key, "%s%c%s%c%s", sample->id, 1, sample->image_name, 1,
              sample->question ? sample->question : "");
    for (size_t i = 0; i < sample->n_answers; i++)
        text_addf(&key, "%c%s", 1, sample->answers[i]);
    const char *copy = key.failed ? NULL : arena_string(&builder->keys, text_string(&key));
    builder->keys.failed = builder->keys.failed || key.failed;
    text_release(&key);
    return copy;
}

/* The user turn, where it is not just the message with the question in it. */
static const char *prompt_of(const struct protocol *protocol, const struct sample *sample,
                             struct arena *arena)
{
    static const char place[] = "{question}";
    struct text prompt, plain;
    text_init(&prompt);
    text_init(&plain);
    protocol_message(protocol, sample, &prompt);
    const char *at = protocol->message, *next;
    for (; (next = strstr(at, place)) != NULL; at = next + strlen(place)) {
        text_add_bytes(&plain, at, (size_t)(next - at));
        text_add(&plain, sample->question);
    }
    text_add(&plain, at);
    bool same = strcmp(text_string(&prompt), text_string(&plain)) == 0;
    const char *result = same ? NULL : arena_string(arena, text_string(&prompt));
    arena->failed = arena->failed || prompt.failed || plain.failed;
    text_release(&prompt);
    text_release(&plain);
    return result;
}

static struct gallery_sample copy_sample(struct builder *builder, const struct protocol *protocol,
                                         const struct sample *sample)
{
    struct arena *arena = &builder->made->arena;
    const char **references = arena_alloc_small(arena, sample->n_answers + 1, sizeof *references);
    for (size_t i = 0; references && i < sample->n_answers; i++)
        references[i] = arena_string(arena, sample->answers[i]);
    return (struct gallery_sample){
        .id = arena_string(arena, sample->id),
        .question = arena_string(arena, sample->question),
        .prompt = protocol ? prompt_of(protocol, sample, arena) : NULL,
        .group = arena_string(arena, sample->group),
        .category = arena_string(arena, sample->category),
        .references = references,
        .n_references = references ? sample->n_answers : 0,
        .image = image_number(builder, sample->image_name, sample->image_path),
    };
}

/* Whether what the protocol reads is there. */
static bool can_be_weighed(const struct task *task, const struct metric *metric,
                           const struct sample *sample, const struct prediction *prediction)
{
    if (!metric || !metric->correct || sample->n_answers == 0)
        return false;
    if (prediction->failure || !metric->needs_choices)
        return prediction->failure || prediction->text;
    for (size_t c = 0; prediction->probabilities && c < task->protocol.n_choices; c++)
        if (!isfinite(prediction->probabilities[c]))
            return false;
    return prediction->probabilities != NULL;
}

static struct gallery_answer copy_answer(struct builder *builder, const struct task *task,
                                         const struct sample *sample,
                                         const struct prediction *prediction, size_t n_choices)
{
    struct arena *arena = &builder->made->arena;
    const struct metric *metric = task ? metric_find(task->protocol.metric) : NULL;
    struct gallery_answer answer = {.asked = 1, .right = -1, .credit = (double)NAN};
    answer.text = arena_string(arena, prediction->text);
    answer.failure = arena_string(arena, prediction->failure);
    if (prediction->probabilities) {
        double *copy = arena_alloc_small(arena, n_choices, sizeof *copy);
        if (copy)
            memcpy(copy, prediction->probabilities, n_choices * sizeof *copy);
        answer.probabilities = copy;
    }
    if (task && can_be_weighed(task, metric, sample, prediction)) {
        answer.right = metric->correct(sample, &task->protocol, prediction) == 1;
        answer.credit = metric_credit(metric, sample, &task->protocol, prediction);
    }
    return answer;
}

/* Adds a run's answer to a sample; task is NULL where only the log is there. */
static bool add_answer(struct builder *builder, struct gallery_task *shown, size_t capacity,
                       const struct task *task, const struct sample *sample,
                       const struct prediction *prediction)
{
    const char *key = key_of(builder, sample);
    int64_t number = key ? string_map_get(&builder->samples, key, strlen(key), -1) : -1;
    if (number < 0 && shown->n_samples == capacity)
        return false;
    if (number < 0 && key) {
        number = (int64_t)shown->n_samples++;
        string_map_add(&builder->samples, key, strlen(key), number, NULL);
        shown->samples[number] = copy_sample(builder, task ? &task->protocol : NULL, sample);
    }
    if (number >= 0)
        shown->answers[shown->n_runs - 1][number] =
            copy_answer(builder, task, sample, prediction, shown->n_choices);
    return true;
}

/* Answers without their questions. */
static enum status add_log(struct builder *builder, struct gallery_task *shown, size_t capacity,
                           const char *log, struct error *err)
{
    struct arena arena;
    struct log_entry *entries = NULL;
    size_t n = 0, n_left_out = 0;
    arena_init(&arena);
    enum status status = log_read(log, &arena, &entries, &n, NULL, err);
    for (size_t i = 0; !status && i < n; i++) {
        const struct log_entry *entry = &entries[i];
        bool fits = entry->n_choices == shown->n_choices;
        struct prediction prediction = {.text = entry->text,
                                        .failure = entry->failure,
                                        .probabilities = fits ? entry->probabilities : NULL};
        struct sample sample = {.id = entry->id, .image_name = entry->image ? entry->image : ""};
        n_left_out += !add_answer(builder, shown, capacity, NULL, &sample, &prediction);
    }
    if (n_left_out > shown->n_left_out)
        shown->n_left_out = n_left_out;
    arena_release(&arena);
    return status;
}

static enum status add_task(struct builder *builder, struct gallery_task *shown, size_t capacity,
                            struct task *task, const char *log, struct error *err)
{
    struct arena arena;
    struct prediction *predictions = NULL;
    size_t n_left_out = 0;
    arena_init(&arena);
    enum status status = scoring_read_log(log, task, &arena, &predictions, NULL, err);
    task->protocol.message = shown->message; /* as it was asked, whatever the protocol says now */
    for (size_t i = 0; !status && i < task->set.n_samples; i++)
        n_left_out +=
            !add_answer(builder, shown, capacity, task, &task->set.samples[i], &predictions[i]);
    if (n_left_out > shown->n_left_out)
        shown->n_left_out = n_left_out;
    arena_release(&arena);
    return status;
}

/* What the page calls the task comes from its first run's manifest. */
static bool read_head(struct gallery_task *shown, const cJSON *manifest, struct arena *arena)
{
    const cJSON *protocol = json_find(manifest, "protocol"), *choice;
    size_t n = 0;
    cJSON_ArrayForEach(choice, json_find(protocol, "choices")) n++;
    const char **choices = arena_alloc_small(arena, n + 1, sizeof *choices);
    if (!choices)
        return false;
    cJSON_ArrayForEach(choice, json_find(protocol, "choices")) choices[shown->n_choices++] =
        arena_string(arena, cJSON_IsString(choice) ? choice->valuestring : "");
    shown->choices = choices;
    shown->message = arena_string(arena, json_string_or(protocol, "message", "{question}"));
    return !arena_failed(arena);
}

static enum status add_run(struct builder *builder, struct gallery_task *shown, size_t capacity,
                           const struct run_record *record, struct error *err)
{
    struct arena *arena = &builder->made->arena;
    struct error reason = {""};
    struct task task;
    cJSON *manifest = NULL;
    const char *path = path_join(&builder->keys, record->path, "manifest.json");
    const char *log = path_join(&builder->keys, record->path, "predictions.jsonl");
    enum status status = path && log ? json_read(&manifest, path, err) : no_memory(err);
    if (status)
        return status;
    shown->answers[shown->n_runs] = arena_alloc(arena, capacity + 1, sizeof **shown->answers);
    if (!shown->answers[shown->n_runs++] || (!shown->message && !read_head(shown, manifest, arena)))
        status = no_memory(err);
    else if (run_task_open(&task, manifest, record->path, NULL, &reason) == STATUS_OK) {
        status = add_task(builder, shown, capacity, &task, log, err);
        task_close(&task);
    } else {
        text_addf(builder->made->notes,
                  "the samples of %s are shown by their answers alone, without question, picture "
                  "and verdict: %s\n",
                  record->path, reason.text);
        builder->made->is_incomplete = true;
        status = add_log(builder, shown, capacity, log, err);
    }
    cJSON_Delete(manifest);
    return status;
}

/* "cobra+3b bf16", with its directory where another run of the task has the same name. */
static const char *name_of(const struct run_list *list, size_t i, struct arena *arena)
{
    const struct run_record *record = &list->records[i];
    const char *precision = record->precision ? record->precision : "";
    size_t n_same = 0;
    for (size_t j = 0; j < list->n; j++) {
        const struct run_record *other = &list->records[j];
        n_same += strcmp(other->protocol, record->protocol) == 0 &&
                  strcmp(other->model, record->model) == 0 &&
                  strcmp(other->precision ? other->precision : "", precision) == 0;
    }
    const char *name =
        arena_printf(arena, "%s%s%s", record->model, precision[0] ? " " : "", precision);
    return n_same > 1 && name ? arena_printf(arena, "%s (%s)", name, record->path) : name;
}

/* The task of the runs that share the protocol of the run first. */
static enum status build_task(struct builder *builder, const struct run_list *list, size_t first,
                              struct error *err)
{
    struct arena *arena = &builder->made->arena;
    struct gallery *gallery = &builder->made->gallery;
    struct gallery_task *shown = &gallery->tasks[gallery->n_tasks++];
    const char *protocol = list->records[first].protocol;
    size_t capacity = 0, n_runs = 0;
    for (size_t i = first; i < list->n; i++)
        if (strcmp(list->records[i].protocol, protocol) == 0) {
            capacity += list->records[i].n_samples;
            n_runs++;
        }
    if (capacity > builder->options->most_samples)
        capacity = builder->options->most_samples;
    shown->protocol = arena_string(arena, protocol);
    shown->samples = arena_alloc_small(arena, capacity + 1, sizeof *shown->samples);
    shown->answers = arena_alloc_small(arena, n_runs, sizeof *shown->answers);
    shown->runs = arena_alloc_small(arena, n_runs, sizeof *shown->runs);
    if (arena_failed(arena))
        return no_memory(err);
    string_map_init(&builder->samples, &builder->keys);
    for (size_t i = first; i < list->n; i++) {
        if (strcmp(list->records[i].protocol, protocol) != 0)
            continue;
        shown->runs[shown->n_runs] = name_of(list, i, arena);
        enum status status = add_run(builder, shown, capacity, &list->records[i], err);
        if (!status && (arena_failed(arena) || arena_failed(&builder->keys)))
            status = no_memory(err);
        if (status)
            return status;
    }
    return STATUS_OK;
}

static enum status build(struct builder *builder, const struct run_list *list, struct error *err)
{
    struct run_gallery *made = builder->made;
    made->gallery.tasks = arena_alloc_small(&made->arena, list->n, sizeof *made->gallery.tasks);
    if (!made->gallery.tasks)
        return no_memory(err);
    enum status status = STATUS_OK;
    for (size_t i = 0; i < list->n && !status; i++)
        if (run_list_find(list, list->records[i].protocol) == &list->records[i])
            status = build_task(builder, list, i, err);
    return status
               ? status
               : gallery_images_find(made->gallery.images, made->gallery.n_images, builder->options,
                                     made->notes, &made->is_incomplete, &made->arena, err);
}

enum status run_gallery_open(struct run_gallery *made, const struct run_list *list,
                             const struct run_gallery_options *options, struct text *notes,
                             struct error *err)
{
    struct builder builder = {.made = made, .options = options};
    *made = (struct run_gallery){.notes = notes};
    arena_init(&made->arena);
    arena_init(&builder.keys);
    string_map_init(&builder.images, &builder.keys);
    enum status status = build(&builder, list, err);
    arena_release(&builder.keys);
    if (status)
        run_gallery_close(made);
    return status;
}

void run_gallery_close(struct run_gallery *made)
{
    arena_release(&made->arena);
    *made = (struct run_gallery){0};
}
