#include "eval/suite.h"

#include "engine/base/file.h"
#include "engine/base/json.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

/* A suite while it is read. */
struct suite {
    struct plan *plan;
    const char *path;
    cJSON *root;
    const char *model_root, *data_root, *settings_place;
    const cJSON *models, *tasks, *limits, *scenarios, *settings;
};

static enum status no_memory(const struct suite *suite, struct error *err)
{
    return fail(err, STATUS_NO_MEMORY, "out of memory while reading %s", suite->path);
}

/* "suites/demo.json: models[2]" */
static const char *place_of(struct suite *suite, const char *list, size_t i)
{
    const char *place = arena_printf(&suite->plan->arena, "%s: %s[%zu]", suite->path, list, i);
    return place ? place : suite->path;
}

static bool is_among(const char *name, const char *const *names)
{
    while (*names && strcmp(*names, name) != 0)
        names++;
    return *names != NULL;
}

/* An option's value as the command line would have it; NULL where JSON has no such thing. */
static const char *value_text(struct arena *arena, const cJSON *value)
{
    if (cJSON_IsString(value))
        return arena_string(arena, value->valuestring);
    if (cJSON_IsTrue(value))
        return "";
    if (cJSON_IsNumber(value))
        return arena_printf(arena, "%.17g", value->valuedouble);
    return NULL;
}

static enum status set_option(struct suite *suite, struct options *options, const char *name,
                              const cJSON *value, const char *origin, struct error *err)
{
    if (cJSON_IsFalse(value))
        return options_set(options, name, NULL, origin, err);
    const char *text = value_text(&suite->plan->arena, value);
    if (!text && arena_failed(&suite->plan->arena))
        return no_memory(suite, err);
    if (!text)
        return fail(err, STATUS_BAD_FORMAT, "%s.%s is neither a string, a number, true nor false",
                    origin, name);
    struct error reason = {""};
    enum status status = options_set(options, name, text, origin, &reason);
    if (!status)
        return STATUS_OK;
    return fail(err, status == STATUS_USAGE ? STATUS_BAD_FORMAT : status, "%s: %s", origin,
                reason.text);
}

/* The options among an object's members; those in own are something else. */
static enum status set_options(struct suite *suite, struct options *options, const cJSON *object,
                               const char *const *own, const char *origin, struct error *err)
{
    static const char *const of_the_command[] = {
        "model", "task",  "data",  "out",  "cell",  "model-root", "data-root",
        "list",  "force", "quiet", "json", "shard", NULL};
    enum status status = STATUS_OK;
    const cJSON *member, *value;
    if (!cJSON_IsObject(object))
        return STATUS_OK;
    cJSON_ArrayForEach(member, object)
    {
        if (is_among(member->string, own))
            continue;
        if (is_among(member->string, of_the_command))
            return fail(err, STATUS_BAD_FORMAT, "%s: '%s' cannot stand here", origin,
                        member->string);
        if (!cJSON_IsArray(member))
            status = set_option(suite, options, member->string, member, origin, err);
        else
            cJSON_ArrayForEach(value, member) if (!status) status =
                set_option(suite, options, member->string, value, origin, err);
        if (status)
            return status;
    }
    return STATUS_OK;
}

/* The string an entry is, or the object's member of that name. */
static enum status entry_name(const cJSON *entry, const char *key, const char *place,
                              const char **name, struct error *err)
{
    if (cJSON_IsString(entry)) {
        *name = entry->valuestring;
        return STATUS_OK;
    }
    if (!cJSON_IsObject(entry))
        return fail(err, STATUS_BAD_FORMAT, "%s is neither a name nor an object", place);
    return json_get_string(entry, key, place, name, err);
}

/* The limit's part of a task's name, where a suite has several: "-limit100", "-slim1024". */
static const char *limit_suffix(struct suite *suite, const cJSON *limit)
{
    struct arena *arena = &suite->plan->arena;
    if (cJSON_GetArraySize(suite->limits) < 2)
        return "";
    if (cJSON_IsNumber(limit))
        return limit->valuedouble > 0 ? arena_printf(arena, "-limit%.0f", limit->valuedouble) : "";
    double slim = json_number_or(limit, "slim", 0), first = json_number_or(limit, "limit", 0);
    const char *text = slim > 0 ? arena_printf(arena, "-slim%.0f", slim) : "";
    return first > 0 && text ? arena_printf(arena, "%s-limit%.0f", text, first) : text;
}

/* One combination; limit may be NULL.  Places name the three in errors and in manifests. */
struct combination {
    const cJSON *model, *limit, *task;
    const char *model_place, *limit_place, *task_place;
    const char *model_name, *task_name;
};

static enum status combine(struct suite *suite, size_t m, size_t l, size_t t,
                           struct combination *out, struct error *err)
{
    *out = (struct combination){
        .model = cJSON_GetArrayItem(suite->models, (int)m),
        .limit = suite->limits ? cJSON_GetArrayItem(suite->limits, (int)l) : NULL,
        .task = cJSON_GetArrayItem(suite->tasks, (int)t),
        .model_place = place_of(suite, "models", m),
        .limit_place = place_of(suite, "limits", l),
        .task_place = place_of(suite, "tasks", t),
    };
    enum status status = entry_name(out->model, "model", out->model_place, &out->model_name, err);
    return status ? status : entry_name(out->task, "task", out->task_place, &out->task_name, err);
}

/* The command's options and, where those are silent, the suite's: the nearest first. */
static enum status settle(struct suite *suite, const struct combination *c, struct options *options,
                          struct error *err)
{
    static const char *const of_task[] = {"task", "name", "data", NULL};
    static const char *const of_model[] = {"model", "name", NULL}, *const none[] = {NULL};
    enum status status = set_options(suite, options, c->task, of_task, c->task_place, err);
    if (!status && c->limit && !cJSON_IsNumber(c->limit) && !cJSON_IsObject(c->limit))
        status =
            fail(err, STATUS_BAD_FORMAT, "%s is neither a number nor an object", c->limit_place);
    if (!status && cJSON_IsNumber(c->limit))
        status = set_option(suite, options, "limit", c->limit, c->limit_place, err);
    if (!status)
        status = set_options(suite, options, c->limit, none, c->limit_place, err);
    if (!status)
        status = set_options(suite, options, c->model, of_model, c->model_place, err);
    if (!status)
        status = set_options(suite, options, suite->settings, none, suite->settings_place, err);
    return status;
}

/* Names and places of a cell. */
static void place_cell(struct suite *suite, const struct combination *c, struct cell *cell)
{
    struct arena *arena = &suite->plan->arena;
    bool as_is =
        strncmp(c->model_name, "baseline:", 9) == 0 || option_flag(cell->options, "random-weights");
    cell->model = as_is ? arena_string(arena, c->model_name)
                        : path_join(arena, suite->model_root, c->model_name);
    cell->row = plan_file_name(arena, json_string_or(c->model, "name", c->model_name));
    cell->protocol = arena_string(arena, c->task_name);
    const char *column = arena_printf(arena, "%s%s", json_string_or(c->task, "name", c->task_name),
                                      limit_suffix(suite, c->limit));
    cell->column = column ? plan_file_name(arena, column) : NULL;
    const char *dataset = arena_copy(arena, c->task_name, strcspn(c->task_name, ":@"));
    const char *folder = json_string_or(c->task, "data", dataset);
    cell->data = folder ? path_join(arena, suite->data_root, folder) : NULL;
    const char *row_folder = cell->row ? path_join(arena, suite->plan->out, cell->row) : NULL;
    if (row_folder && cell->column)
        cell->directory = path_join(arena, row_folder, cell->column);
}

/* Cells have folders. */
static bool is_no_name(const char *name)
{
    return !name[0] || strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static enum status make_cell(struct suite *suite, size_t m, size_t l, size_t t, struct error *err)
{
    struct plan *plan = suite->plan;
    struct options *options = &plan->copies[plan->n_copies];
    struct combination c;
    enum status status = combine(suite, m, l, t, &c, err);
    if (status || (status = options_copy(options, plan->options, err)))
        return status;
    plan->n_copies++;
    if ((status = settle(suite, &c, options, err)))
        return status;
    struct cell *cell = plan_add(plan, options);
    if (cell)
        place_cell(suite, &c, cell);
    if (arena_failed(&plan->arena))
        return no_memory(suite, err);
    if (is_no_name(cell->row) || is_no_name(cell->column))
        return fail(err, STATUS_BAD_FORMAT, "%s: '%s/%s' cannot be the name of a cell", suite->path,
                    cell->row, cell->column);
    return STATUS_OK;
}

/* One model in one scenario. */
static enum status make_scenario(struct suite *suite, size_t m, size_t s, struct error *err)
{
    struct arena *arena = &suite->plan->arena;
    const cJSON *entry = cJSON_GetArrayItem(suite->scenarios, (int)s);
    const char *place = place_of(suite, "scenarios", s), *name, *image;
    enum status status = json_get_string(entry, "scenario", place, &name, err);
    if (!status)
        status = json_get_string(entry, "image", place, &image, err);
    if (status)
        return status;
    const struct scenario *scenario = scenario_find(name);
    if (!scenario)
        return fail(err, STATUS_BAD_FORMAT, "%s: there is no scenario '%s'; one is called '%s'",
                    place, name, scenarios[0].name);
    /* As for a task, whose name and data are then replaced. */
    status = make_cell(suite, m, 0, 0, err);
    if (status)
        return status;
    struct cell *cell = &suite->plan->cells[suite->plan->n_cells - 1];
    if (strncmp(cell->model, "baseline:", 9) == 0) {
        suite->plan->n_cells--; /* nothing to measure */
        return STATUS_OK;
    }
    const char *own = path_directory(arena, suite->path);
    const char *folder = cell->row ? path_join(arena, suite->plan->out, cell->row) : NULL;
    cell->scenario = scenario;
    cell->column = plan_file_name(arena, json_string_or(entry, "name", scenario->name));
    cell->image = own ? path_join(arena, own, image) : NULL;
    cell->directory = folder && cell->column ? path_join(arena, folder, cell->column) : NULL;
    return arena_failed(arena) ? no_memory(suite, err) : STATUS_OK;
}

static enum status make_cells(struct suite *suite, struct error *err)
{
    struct plan *plan = suite->plan;
    size_t n_models = (size_t)cJSON_GetArraySize(suite->models);
    size_t n_tasks = (size_t)cJSON_GetArraySize(suite->tasks);
    size_t n_limits = suite->limits ? (size_t)cJSON_GetArraySize(suite->limits) : 1;
    size_t n_scenarios = (size_t)cJSON_GetArraySize(suite->scenarios);
    plan->copies = arena_alloc(&plan->arena, n_models * (n_tasks * n_limits + n_scenarios) + 1,
                               sizeof *plan->copies);
    if (!plan->copies)
        return no_memory(suite, err);
    enum status status = STATUS_OK;
    for (size_t m = 0; m < n_models; m++) {
        for (size_t l = 0; l < n_limits; l++)
            for (size_t t = 0; t < n_tasks && !status; t++)
                status = make_cell(suite, m, l, t, err);
        for (size_t s = 0; s < n_scenarios && !status; s++)
            status = make_scenario(suite, m, s, err);
    }
    return status;
}

/* --cell keeps some. */
static enum status select_cells(struct suite *suite, struct error *err)
{
    struct plan *plan = suite->plan;
    const char *const *names;
    size_t n = option_list(plan->options, "cell", &names), kept = 0;
    for (size_t i = 0; i < n; i++) {
        bool found = false;
        for (size_t c = 0; c < plan->n_cells; c++)
            found = found || plan_cell_is(&plan->cells[c], names[i]);
        if (!found)
            return fail(err, STATUS_USAGE, "--cell %s: %s has no such cell (its first is %s/%s)",
                        names[i], suite->path, plan->cells[0].row, plan->cells[0].column);
    }
    for (size_t c = 0; c < plan->n_cells && n > 0; c++)
        for (size_t i = 0; i < n; i++)
            if (plan_cell_is(&plan->cells[c], names[i])) {
                plan->cells[kept++] = plan->cells[c];
                break;
            }
    if (n > 0)
        plan->n_cells = kept;
    return STATUS_OK;
}

static enum status get_list(const struct suite *suite, const char *name, const cJSON **list,
                            struct error *err)
{
    enum status status = json_get_array(suite->root, name, suite->path, list, err);
    if (!status && cJSON_GetArraySize(*list) == 0)
        status = fail(err, STATUS_BAD_FORMAT, "%s: %s is empty", suite->path, name);
    return status;
}

/* Everything at the top, each member known. */
static enum status read_top(struct suite *suite, struct error *err)
{
    static const char *const known[] = {"suite",     "name",      "about",  "model-root",
                                        "data-root", "settings",  "models", "tasks",
                                        "limits",    "scenarios", NULL};
    const cJSON *member;
    int version;
    cJSON_ArrayForEach(member, suite->root) if (!is_among(member->string, known)) return fail(
        err, STATUS_BAD_FORMAT, "%s: there is no member '%s' in a suite", suite->path,
        member->string);
    enum status status = json_get_int(suite->root, "suite", suite->path, &version, err);
    if (!status && version != 1)
        status = fail(err, STATUS_UNSUPPORTED,
                      "%s: version %d of the format of suites is not known", suite->path, version);
    if (!status)
        status = json_get_string(suite->root, "name", suite->path, &suite->plan->name, err);
    if (!status)
        status = get_list(suite, "models", &suite->models, err);
    if (!status)
        status = get_list(suite, "tasks", &suite->tasks, err);
    if (!status && json_find(suite->root, "limits"))
        status = get_list(suite, "limits", &suite->limits, err);
    bool limited =
        option_given(suite->plan->options, "limit") || option_given(suite->plan->options, "slim");
    if (!status && limited && cJSON_GetArraySize(suite->limits) > 1)
        status = fail(err, STATUS_USAGE,
                      "%s has limits of its own: --limit and --slim do not go "
                      "with it",
                      suite->path);
    if (!status && json_find(suite->root, "scenarios"))
        status = get_list(suite, "scenarios", &suite->scenarios, err);
    suite->settings = json_find(suite->root, "settings");
    if (!status && suite->settings && !cJSON_IsObject(suite->settings))
        status = fail(err, STATUS_BAD_FORMAT, "%s: settings is not an object", suite->path);
    return status;
}

/* A folder from the command line, else from the suite, relative to the suite's own folder. */
static const char *root_of(struct suite *suite, const char *name)
{
    struct arena *arena = &suite->plan->arena;
    const char *given = option_text(suite->plan->options, name);
    const char *own = path_directory(arena, suite->path);
    if (given || !own)
        return given;
    const char *named = json_string_or(suite->root, name, ".");
    return strcmp(named, ".") == 0 ? own : path_join(arena, own, named);
}

static enum status place_roots(struct suite *suite, struct error *err)
{
    struct plan *plan = suite->plan;
    struct arena *arena = &plan->arena;
    const char *out = option_text(plan->options, "out"),
               *folder = plan_file_name(arena, plan->name);
    plan->name = arena_string(arena, plan->name);
    plan->out = out || !folder ? out : path_join(arena, "runs", folder);
    suite->settings_place = arena_printf(arena, "%s: settings", suite->path);
    suite->model_root = root_of(suite, "model-root");
    suite->data_root = root_of(suite, "data-root");
    return arena_failed(arena) ? no_memory(suite, err) : STATUS_OK;
}

enum status suite_read(struct plan *plan, const char *path, struct error *err)
{
    struct suite suite = {.plan = plan, .path = path};
    plan->suite = path;
    enum status status = json_read(&suite.root, path, err);
    if (status)
        return status;
    if ((status = read_top(&suite, err)) == STATUS_OK &&
        (status = place_roots(&suite, err)) == STATUS_OK &&
        (status = make_cells(&suite, err)) == STATUS_OK)
        status = select_cells(&suite, err);
    cJSON_Delete(suite.root);
    return status;
}
