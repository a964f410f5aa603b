#include "metrics/cases.h"

#include "datasets/jsonl.h"
#include "engine/base/file.h"
#include "metrics/case_context.h"
#include "metrics/python_text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct case_section *const case_sections[] = {
    case_sections_yes_no, case_sections_vsr,    case_sections_numbers, case_sections_gqa,
    case_sections_vqa,    case_sections_vizwiz, case_sections_textvqa, case_sections_evalai,
};

/* Members that describe the file. */
static const char *const descriptions[] = {"meta", "tables", "note"};

static void report(struct case_context *context, const char *field, const char *expected,
                   const char *got, bool ok)
{
    context->section->n_checked += 1;
    context->section->n_failed += !ok;
    if (!context->report)
        return;
    struct case_result result = {.section = context->section->name,
                                 .index = context->index,
                                 .field = field,
                                 .expected = expected,
                                 .got = got,
                                 .ok = ok};
    context->report(context->report_context, &result);
}

void case_compare_text(struct case_context *context, const char *field, const char *expected,
                       const char *got)
{
    const char *nothing = "(nothing)";
    bool ok = expected && got ? strcmp(expected, got) == 0 : expected == got;
    report(context, field, expected ? expected : nothing, got ? got : nothing, ok);
}

static void compare_numbers(struct case_context *context, const char *field, double expected,
                            double got, double tolerance)
{
    struct text texts[2];
    const double values[2] = {expected, got};
    for (size_t i = 0; i < 2; i++) {
        text_init(&texts[i]);
        python_add_float(&texts[i], values[i]);
    }
    bool ok = expected == got || fabs(expected - got) <= tolerance * fabs(expected);
    report(context, field, text_string(&texts[0]), text_string(&texts[1]), ok);
    text_release(&texts[0]);
    text_release(&texts[1]);
}

void case_compare_number(struct case_context *context, const char *field, double expected,
                         double got)
{
    compare_numbers(context, field, expected, got, 1e-12);
}

void case_compare_exactly(struct case_context *context, const char *field, double expected,
                          double got)
{
    compare_numbers(context, field, expected, got, 0);
}

void case_unknown_field(struct case_context *context, const char *field)
{
    report(context, field, "(a value)", "no rule for this field", false);
}

enum status case_check_text(struct case_context *context, const cJSON *item, const char *skipped,
                            case_rule *rule, struct error *err)
{
    const char *text;
    enum status status = json_get_string(item, "in", context->place, &text, err);
    if (status)
        return status;
    const cJSON *field;
    cJSON_ArrayForEach(field, item)
    {
        const char *name = field->string;
        if (strcmp(name, "in") == 0 || (skipped && strcmp(name, skipped) == 0))
            continue;
        const char *got = rule(context, name, text);
        if (got)
            case_compare_text(context, name, cJSON_GetStringValue(field), got);
        else
            case_unknown_field(context, name);
    }
    return STATUS_OK;
}

enum status case_no_memory(const struct case_context *context, struct error *err)
{
    return fail(err, STATUS_NO_MEMORY, "%s: out of memory", context->place);
}

struct dataset *case_dataset(struct case_context *context, const char *kind, size_t n)
{
    struct dataset *set = arena_alloc(&context->arena, 1, sizeof *set);
    struct sample *samples = arena_alloc(&context->arena, n, sizeof *samples);
    if (!set || !samples)
        return NULL;
    *set = (struct dataset){
        .kind = dataset_kind_find(kind), .samples = samples, .n_samples = n, .n_images = n};
    return set;
}

enum status case_strings(struct case_context *context, const cJSON *item, const char *key,
                         const char ***out, size_t *n, struct error *err)
{
    const cJSON *list, *string;
    enum status status = json_get_array(item, key, context->place, &list, err);
    if (status)
        return status;
    const char **strings =
        arena_alloc(&context->arena, (size_t)cJSON_GetArraySize(list), sizeof *strings);
    if (!strings)
        return fail(err, STATUS_NO_MEMORY, "%s: out of memory", context->place);
    *n = 0;
    cJSON_ArrayForEach(string, list)
    {
        if (!cJSON_IsString(string))
            return fail(err, STATUS_BAD_FORMAT, "%s: \"%s\" holds something not a string",
                        context->place, key);
        strings[(*n)++] = string->valuestring;
    }
    *out = strings;
    return STATUS_OK;
}

void case_set_sample(struct case_context *context, struct dataset *set, size_t i, const char *group,
                     const char *category, const char *label)
{
    const char **answers = arena_alloc_small(&context->arena, 1, sizeof *answers);
    const char *id = arena_printf(&context->arena, "%zu", i);
    if (!answers || !id)
        return;
    answers[0] = label;
    set->samples[i] = (struct sample){.id = id,
                                      .image_name = id,
                                      .image_path = id,
                                      .question = "",
                                      .answers = answers,
                                      .n_answers = 1,
                                      .group = group,
                                      .category = category};
}

static case_check *find_check(const char *name)
{
    for (size_t i = 0; i < sizeof case_sections / sizeof case_sections[0]; i++)
        for (const struct case_section *section = case_sections[i]; section->name; section++)
            if (strcmp(section->name, name) == 0)
                return section->check;
    return NULL;
}

static bool is_description(const char *name)
{
    for (size_t i = 0; i < sizeof descriptions / sizeof descriptions[0]; i++)
        if (strcmp(descriptions[i], name) == 0)
            return true;
    return false;
}

static enum status check_case(struct case_context *context, case_check *check, const cJSON *item,
                              const char *path, struct error *err)
{
    char place[512];
    snprintf(place, sizeof place, "%.400s: %s[%zu]", path, context->section->name, context->index);
    context->place = place;
    enum status status = STATUS_OK;
    if (!cJSON_IsObject(item))
        status = fail(err, STATUS_BAD_FORMAT, "%s: not a JSON object", place);
    else
        status = check(context, item, err);
    if (!status && arena_failed(&context->arena))
        status = fail(err, STATUS_NO_MEMORY, "%s: out of memory", place);
    arena_release(&context->arena);
    return status;
}

/* A section is an array of cases, or one case. */
static enum status check_section(struct case_context *context, const cJSON *section,
                                 const char *path, struct error *err)
{
    case_check *check = find_check(context->section->name);
    context->section->is_checked = check != NULL;
    context->index = 0;
    if (!check)
        return STATUS_OK;
    if (cJSON_IsObject(section))
        return check_case(context, check, section, path, err);
    if (!cJSON_IsArray(section))
        return fail(err, STATUS_BAD_FORMAT, "%s: \"%s\" is neither an array nor an object", path,
                    context->section->name);
    enum status status = STATUS_OK;
    const cJSON *item;
    cJSON_ArrayForEach(item, section)
    {
        if ((status = check_case(context, check, item, path, err)))
            break;
        context->index += 1;
    }
    return status;
}

static enum status check_sections(struct case_context *context, const cJSON *root, const char *path,
                                  struct case_summary *summary, struct error *err)
{
    size_t n_known = 0;
    const cJSON *section;
    cJSON_ArrayForEach(section, root)
    {
        if (is_description(section->string))
            continue;
        if (summary->n_sections == CASES_MAX_SECTIONS)
            return fail(err, STATUS_UNSUPPORTED, "%s: more than %d sections", path,
                        CASES_MAX_SECTIONS);
        context->section = &summary->sections[summary->n_sections++];
        snprintf(context->section->name, CASES_NAME_BYTES, "%.*s", CASES_NAME_BYTES - 1,
                 section->string);
        enum status status = check_section(context, section, path, err);
        if (status)
            return status;
        n_known += context->section->is_checked;
        summary->n_checked += context->section->n_checked;
        summary->n_failed += context->section->n_failed;
    }
    if (n_known == 0)
        return fail(err, STATUS_UNSUPPORTED, "%s: no section that this version can check", path);
    return STATUS_OK;
}

static enum case_file_kind kind_of(const cJSON *root)
{
    if (!cJSON_IsObject(root))
        return CASE_FILE_UNKNOWN;
    if (json_find(root, "prompts") || json_find(root, "raw"))
        return CASE_FILE_TOKENIZER;
    const cJSON *section;
    cJSON_ArrayForEach(section, root)
    {
        if (is_description(section->string) || find_check(section->string))
            return CASE_FILE_METRICS;
    }
    return CASE_FILE_UNKNOWN;
}

static enum status read_root(cJSON **root, const char *path, struct error *err)
{
    struct arena scratch;
    arena_init(&scratch);
    char *data = NULL;
    size_t size = 0;
    enum status status = file_read(path, &scratch, &data, &size, err);
    if (!status) {
        jsonl_replace_nul(data, size);
        status = json_parse(root, data, size, path, err);
    }
    arena_release(&scratch);
    return status;
}

enum status cases_kind(const char *path, enum case_file_kind *kind, struct error *err)
{
    cJSON *root = NULL;
    enum status status = read_root(&root, path, err);
    if (status)
        return status;
    *kind = kind_of(root);
    cJSON_Delete(root);
    return STATUS_OK;
}

enum status cases_check(const char *path,
                        void (*report_result)(void *context, const struct case_result *result),
                        void *context, struct case_summary *summary, struct error *err)
{
    *summary = (struct case_summary){0};
    cJSON *root = NULL;
    enum status status = read_root(&root, path, err);
    if (status)
        return status;
    struct case_context checker = {.report = report_result, .report_context = context};
    arena_init(&checker.arena);
    if (kind_of(root) == CASE_FILE_TOKENIZER)
        status =
            fail(err, STATUS_UNSUPPORTED, "%s: a tokenizer case file; it needs a tokenizer", path);
    else if (!cJSON_IsObject(root))
        status = fail(err, STATUS_BAD_FORMAT, "%s: not a JSON object with sections of cases", path);
    else
        status = check_sections(&checker, root, path, summary, err);
    cJSON_Delete(root);
    return status;
}
