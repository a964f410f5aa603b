#include "reports/run_record.h"

#include "engine/base/file.h"
#include "engine/base/json.h"

#include <math.h>
#include <string.h>

static const char *copy_string(const cJSON *object, const char *key, struct arena *arena)
{
    return arena_string(arena, json_string_or(object, key, NULL));
}

static size_t count_of(const cJSON *object, const char *key)
{
    double value = json_number_or(object, key, 0);
    return value >= 0 && value < 1e15 ? (size_t)value : 0;
}

static size_t array_length(const cJSON *array)
{
    size_t n = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, array) n++;
    return n;
}

/* An array for the n elements of a JSON array, in the record's arena. */
static void *array_for(struct run_record *record, const cJSON *array, size_t size)
{
    return arena_alloc_small(&record->arena, array_length(array) + 1, size);
}

static void read_command(struct run_record *record, const cJSON *words)
{
    struct text text;
    const cJSON *word;
    text_init(&text);
    cJSON_ArrayForEach(word, words) if (cJSON_IsString(word))
        text_addf(&text, "%s%s", text.length > 0 ? " " : "", word->valuestring);
    record->command = text.failed ? NULL : arena_string(&record->arena, text_string(&text));
    text_release(&text);
}

static void read_protocol(struct run_record *record, const cJSON *protocol)
{
    struct arena *arena = &record->arena;
    record->protocol = copy_string(protocol, "name", arena);
    record->protocol_title = copy_string(protocol, "title", arena);
    record->protocol_reference = copy_string(protocol, "reference", arena);
    record->protocol_hash = copy_string(protocol, "hash", arena);
    record->headline_name = copy_string(protocol, "headline", arena);
    record->protocol_version = json_int_or(protocol, "version", 0);
}

static void read_data(struct run_record *record, const cJSON *root)
{
    const cJSON *data = json_find(root, "data"), *file;
    const cJSON *selection = json_find(root, "selection");
    const cJSON *files = json_find(data, "files");
    struct run_file *list = array_for(record, files, sizeof *list);
    record->dataset_title = copy_string(data, "title", &record->arena);
    record->variant = copy_string(data, "variant", &record->arena);
    record->data_note = copy_string(data, "note", &record->arena);
    record->n_in_dataset = count_of(data, "samples");
    record->n_samples = count_of(selection, "samples");
    record->n_images = count_of(selection, "images");
    cJSON_ArrayForEach(file, files)
    {
        if (!list)
            return;
        list[record->n_files++] = (struct run_file){copy_string(file, "path", &record->arena),
                                                    copy_string(file, "sha256", &record->arena),
                                                    count_of(file, "samples")};
    }
    record->files = list;
}

static void read_model(struct run_record *record, const cJSON *root)
{
    const cJSON *model = json_find(root, "model");
    const cJSON *numerics = json_find(root, "numerics");
    struct arena *arena = &record->arena;
    record->model = copy_string(model, "name", arena);
    record->model_hash = copy_string(model, "sha256", arena);
    record->family = copy_string(model, "family", arena);
    record->baseline = json_bool_or(model, "baseline", false);
    record->random_weights = json_bool_or(model, "random_weights", false);
    record->parameters = json_number_or(model, "parameters", (double)NAN);
    record->weight_bytes = json_number_or(model, "packed_bytes", (double)NAN);
    record->state_bytes = json_number_or(model, "state_bytes", (double)NAN);
    record->cache_bytes_per_token = json_number_or(model, "cache_bytes_per_token", 0);
    record->image_tokens = json_number_or(model, "image_tokens", (double)NAN);
    record->read_with_image =
        record->image_tokens + json_number_or(model, "tokens_before_image", 0);
    record->precision = copy_string(numerics, "precision", arena);
    record->precision_note = copy_string(numerics, "precision_note", arena);
    record->kernels = copy_string(numerics, "kernels", arena);
    record->matmul = copy_string(numerics, "matmul", arena);
    record->threads = json_int_or(root, "threads", 0);
    record->seed = json_number_or(root, "seed", (double)NAN);
    record->first_prompt = copy_string(json_find(root, "prompts"), "first", arena);
    record->max_new_tokens = json_int_or(root, "max_new_tokens", 0);
    record->max_new_tokens_changed = json_bool_or(root, "max_new_tokens_changed", false);
}

static void read_machine(struct run_record *record, const cJSON *root)
{
    const cJSON *machine = json_find(root, "machine"), *start;
    record->cpu = copy_string(machine, "cpu", &record->arena);
    record->system = copy_string(machine, "system", &record->arena);
    record->cores = json_int_or(machine, "cores", 0);
    record->memory_bytes = json_number_or(machine, "memory_bytes", (double)NAN);
    record->seconds = 0;
    record->peak_bytes = (double)NAN;
    record->n_shards = array_length(json_find(root, "shards"));
    cJSON_ArrayForEach(start, json_find(root, "starts"))
    {
        double peak = json_number_or(start, "peak_rss_bytes", (double)NAN);
        record->seconds += json_number_or(start, "seconds", 0);
        record->n_starts += 1;
        if (!isnan(peak) && !(record->peak_bytes >= peak))
            record->peak_bytes = peak;
    }
}

static enum status read_manifest(struct run_record *record, const char *path, struct error *err)
{
    cJSON *root = NULL;
    enum status status = json_read(&root, path, err);
    if (status)
        return status;
    record->version = copy_string(root, "mambench", &record->arena);
    read_command(record, json_find(root, "command"));
    read_protocol(record, json_find(root, "protocol"));
    read_data(record, root);
    read_model(record, root);
    read_machine(record, root);
    cJSON_Delete(root);
    if (arena_failed(&record->arena))
        return fail(err, STATUS_NO_MEMORY, "out of memory while reading %s", path);
    if (!record->protocol || !record->model)
        return fail(err, STATUS_BAD_FORMAT, "%s: \"protocol\" or \"model\" is missing", path);
    return STATUS_OK;
}

static enum interval_kind interval_of(const char *name)
{
    if (strcmp(name, "wilson") == 0)
        return INTERVAL_WILSON;
    if (strcmp(name, "bootstrap") == 0)
        return INTERVAL_BOOTSTRAP;
    return strcmp(name, "cluster") == 0 ? INTERVAL_CLUSTER : INTERVAL_NONE;
}

static enum status read_scores(struct run_record *record, const cJSON *root, const char *path,
                               struct error *err)
{
    const cJSON *scores, *item;
    const char *headline;
    enum status status = json_get_array(root, "scores", path, &scores, err);
    if (!status)
        status = json_get_string(root, "headline", path, &headline, err);
    if (status)
        return status;
    record->scores = array_for(record, scores, sizeof *record->scores);
    if (!record->scores)
        return fail(err, STATUS_NO_MEMORY, "out of memory while reading %s", path);
    record->headline = SIZE_MAX;
    cJSON_ArrayForEach(item, scores)
    {
        struct score *score = &record->scores[record->n_scores];
        const char *name;
        status = json_get_string(item, "name", path, &name, err);
        if (status)
            return status;
        score->name = arena_string(&record->arena, name);
        score->value = json_number_or(item, "value", (double)NAN);
        score->scale = json_number_or(item, "scale", 1);
        score->n = count_of(item, "n");
        score->low = json_number_or(item, "low", (double)NAN);
        score->high = json_number_or(item, "high", (double)NAN);
        score->interval = interval_of(json_string_or(item, "interval", ""));
        score->note = copy_string(item, "note", &record->arena);
        if (strcmp(name, headline) == 0)
            record->headline = record->n_scores;
        record->n_scores += 1;
    }
    if (record->headline == SIZE_MAX)
        return fail(err, STATUS_BAD_FORMAT, "%s: the headline \"%s\" is not among the scores", path,
                    headline);
    return STATUS_OK;
}

static void read_floors_and_failures(struct run_record *record, const cJSON *root)
{
    const cJSON *floors = json_find(root, "floors"), *failures = json_find(root, "failures");
    const cJSON *item;
    struct run_floor *floor_list = array_for(record, floors, sizeof *floor_list);
    struct run_failure *failure_list = array_for(record, failures, sizeof *failure_list);
    if (!floor_list || !failure_list)
        return;
    cJSON_ArrayForEach(item, floors) floor_list[record->n_floors++] = (struct run_floor){
        copy_string(item, "name", &record->arena), json_number_or(item, "value", (double)NAN)};
    cJSON_ArrayForEach(item, failures) failure_list[record->n_failures++] = (struct run_failure){
        copy_string(item, "id", &record->arena), copy_string(item, "reason", &record->arena)};
    record->floors = floor_list;
    record->failures = failure_list;
}

static enum status read_scores_file(struct run_record *record, const char *path, struct error *err)
{
    cJSON *root = NULL;
    enum status status = json_read(&root, path, err);
    if (status)
        return status;
    const char *protocol = json_string_or(root, "protocol", NULL);
    if (protocol && record->protocol && strcmp(protocol, record->protocol) != 0)
        status = fail(err, STATUS_BAD_FORMAT, "%s: scores of %s, but the run beside it is of %s",
                      path, protocol, record->protocol);
    if (!status)
        status = read_scores(record, root, path, err);
    /* A run scored again under a newer protocol file carries that one's hash. */
    if (json_string_or(root, "protocol_hash", NULL))
        record->protocol_hash = copy_string(root, "protocol_hash", &record->arena);
    record->n_failed = count_of(root, "failed");
    record->n_warned = count_of(root, "warned");
    record->has_correct = json_find(root, "correct") != NULL;
    record->n_correct = count_of(root, "correct");
    read_floors_and_failures(record, root);
    cJSON_Delete(root);
    if (!status && arena_failed(&record->arena))
        status = fail(err, STATUS_NO_MEMORY, "out of memory while reading %s", path);
    return status;
}

enum status run_record_open(struct run_record *record, const char *directory, struct error *err)
{
    *record = (struct run_record){.seed = (double)NAN};
    arena_init(&record->arena);
    record->path = arena_string(&record->arena, directory);
    const char *manifest = path_join(&record->arena, directory, "manifest.json");
    const char *scores = path_join(&record->arena, directory, "scores.json");
    const char *timings = path_join(&record->arena, directory, "timings.jsonl");
    enum status status = STATUS_OK;
    if (arena_failed(&record->arena))
        status = fail(err, STATUS_NO_MEMORY, "out of memory while reading %s", directory);
    else if (!file_exists(manifest))
        status = fail(err, STATUS_NOT_FOUND, "%s is not a run directory: it has no manifest.json",
                      directory);
    else if (!file_exists(scores))
        status = fail(err, STATUS_NOT_FOUND,
                      "%s has no scores.json: finish the run, or `mambench score %s`", directory,
                      directory);
    if (!status)
        status = read_manifest(record, manifest, err);
    if (!status)
        status = read_scores_file(record, scores, err);
    if (!status)
        status = run_speed_read(&record->speed, timings, &record->arena, err);
    if (status)
        run_record_close(record);
    return status;
}

enum status run_record_open_manifest(struct run_record *record, const char *directory,
                                     struct error *err)
{
    *record = (struct run_record){.seed = (double)NAN};
    arena_init(&record->arena);
    record->path = arena_string(&record->arena, directory);
    const char *manifest = path_join(&record->arena, directory, "manifest.json");
    enum status status =
        arena_failed(&record->arena)
            ? fail(err, STATUS_NO_MEMORY, "out of memory while reading %s", directory)
            : read_manifest(record, manifest, err);
    if (status)
        run_record_close(record);
    return status;
}

void run_record_close(struct run_record *record)
{
    arena_release(&record->arena);
    *record = (struct run_record){0};
}

double run_session_tokens(const struct run_record *record)
{
    return record->speed.n > 0 ? record->read_with_image + record->speed.median_text_tokens
                               : (double)NAN;
}

double run_session_bytes(const struct run_record *record)
{
    return record->state_bytes + record->cache_bytes_per_token * run_session_tokens(record);
}

const struct score *run_headline(const struct run_record *record)
{
    return &record->scores[record->headline];
}

const struct run_floor *run_best_floor(const struct run_record *record)
{
    const struct run_floor *best = NULL;
    for (size_t i = 0; i < record->n_floors; i++)
        if (record->floors[i].name && (!best || record->floors[i].value > best->value))
            best = &record->floors[i];
    return best;
}
