#include "eval/imported_run.h"

#include "engine/base/file.h"
#include "eval/command.h"
#include "eval/manifest.h"
#include "eval/prediction_log.h"
#include "eval/scoring.h"

#include <string.h>

static enum exit_code no_memory(struct error *err)
{
    fail(err, STATUS_NO_MEMORY, "out of memory while writing a run");
    return EXIT_INTERNAL;
}

static struct answer answer_of(const struct prediction *prediction, size_t n_choices)
{
    struct answer answer = {.text = prediction->text, .failure = prediction->failure};
    /* To whoever reads the run, "no prediction" is a run that has not ended. */
    if (answer.failure && strcmp(answer.failure, "no prediction") == 0)
        answer.failure = "the imported file has no answer";
    for (size_t c = 0; prediction->probabilities && c < n_choices; c++)
        answer.probabilities[answer.n_choices++] = prediction->probabilities[c];
    return answer;
}

static enum exit_code write_answers(const char *path, const struct task *task,
                                    const struct prediction *predictions, struct error *err)
{
    struct text text;
    text_init(&text);
    for (size_t place = 0; place < task->set.n_samples; place++) {
        size_t i = task->order[place];
        const struct sample *sample = &task->set.samples[i];
        struct answer answer = answer_of(&predictions[i], task->protocol.n_choices);
        log_line_add(&text, sample->id, sample->image_name, &answer);
    }
    enum exit_code code = EXIT_DONE;
    if (text.failed)
        code = no_memory(err);
    else if (file_write(path, text_string(&text), text.length, err))
        code = EXIT_INTERNAL;
    text_release(&text);
    return code;
}

static enum exit_code write_manifest(const char *path, const struct task *task,
                                     const struct options *options, uint64_t seed,
                                     struct error *err)
{
    const char *file = option_text(options, "predictions"), *name = option_text(options, "name");
    struct manifest_import import = {.file = file, .format = option_text(options, "format")};
    struct answerer answerer = {.facts.name = name ? name : path_name(file),
                                .options = {.seed = seed, .max_new_tokens = -1}};
    struct manifest_facts facts = {.options = options,
                                   .task = task,
                                   .answerer = &answerer,
                                   .imported = &import,
                                   .command_line = command_line};
    cJSON *manifest = NULL;
    enum status status = sha256_file(file, &import.sha256, err);
    if (status)
        return exit_of_status(status);
    status = manifest_new(&manifest, &facts, err);
    if (!status)
        status = manifest_write(manifest, path, err);
    cJSON_Delete(manifest);
    return status ? EXIT_INTERNAL : EXIT_DONE;
}

enum exit_code imported_run_write(const char *directory, const struct task *task,
                                  const struct prediction *predictions,
                                  const struct options *options, uint64_t seed, struct error *err)
{
    struct arena arena;
    enum exit_code code = EXIT_DONE;
    arena_init(&arena);
    const char *manifest = path_join(&arena, directory, "manifest.json");
    const char *log = path_join(&arena, directory, "predictions.jsonl");
    if (arena_failed(&arena))
        code = no_memory(err);
    else if (file_exists(manifest))
        code = exit_of_status(
            fail(err, STATUS_USAGE, "%s holds a run already; give another --out", directory));
    else if (directory_create(directory, err))
        code = EXIT_INTERNAL;
    if (!code)
        code = write_answers(log, task, predictions, err);
    if (!code)
        code = write_manifest(manifest, task, options, seed, err);
    if (!code)
        code = scoring_write(directory, task, seed, err);
    arena_release(&arena);
    return code;
}
