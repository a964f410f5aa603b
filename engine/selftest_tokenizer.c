/* Tokenizer cases: an array of {"text": ..., "ids": [...]}, or a file with "tokenizer_cases" (a
 * fixture's reference.json), or the shared file's "raw" and "prompts", whose ids stand under the
 * name of the tokenizer they belong to. */
#include "engine/selftest.h"

#include "engine/base/json.h"
#include "engine/tokenizer/tokenizer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Stands for the picture in the ids of a prompt, and in its text (haotian-liu/LLaVA@c121f04
 * llava/mm_utils.py:185-204). */
enum { IMAGE_ID = -200 };
static const char image_text[] = "<image>";

/* When a list begins with the id of "<s>". */
enum bos { BOS_NEVER, BOS_IF_EXPECTED, BOS_ALWAYS };

struct ids_key {
    const char *name;
    enum bos bos;
};

/* Names under which the ids of a tokenizer may stand; the first that is there counts. */
static const struct ids_key llama_keys[] = {
    {"ids", BOS_IF_EXPECTED},
    {"llama_no_bos", BOS_NEVER},
    {"llama", BOS_ALWAYS},
};
static const struct ids_key byte_level_keys[] = {
    {"ids", BOS_NEVER},
    {"neox", BOS_NEVER},
    {"codegen", BOS_NEVER},
};
enum { N_KEYS = 3 };

struct tokenizer_check {
    const struct tokenizer *tokenizer;
    const struct ids_key *keys; /* [N_KEYS] */
    int bos;                    /* -1: the tokenizer has none */
    size_t n_checked;
    struct token_list ids;
    struct check_report *report;
    struct error *err;
};

static const cJSON *find_ids(const struct tokenizer_check *check, const cJSON *item,
                             const struct ids_key **key)
{
    for (size_t i = 0; i < N_KEYS; i++) {
        const cJSON *ids = json_find(item, check->keys[i].name);
        *key = &check->keys[i];
        if (cJSON_IsArray(ids))
            return ids;
    }
    return NULL;
}

static bool ids_equal(const struct token_list *ids, const cJSON *want)
{
    size_t i = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, want)
    {
        if (i >= ids->n || !cJSON_IsNumber(item) || ids->ids[i] != item->valueint)
            return false;
        i++;
    }
    return i == ids->n;
}

static bool begins_with_bos(const struct tokenizer_check *check, const cJSON *want)
{
    const cJSON *first = cJSON_GetArrayItem(want, 0);
    return check->bos >= 0 && cJSON_IsNumber(first) && first->valueint == check->bos;
}

static enum status add_id(struct tokenizer_check *check, int id)
{
    return token_list_add(&check->ids, id)
               ? STATUS_OK
               : fail(check->err, STATUS_NO_MEMORY, "out of memory while checking a tokenizer");
}

/* Encodes each side of "<image>" for itself, if the ids have a picture. */
static enum status encode_case(struct tokenizer_check *check, const char *text, bool has_image)
{
    enum status status = STATUS_OK;
    const char *image;
    while (!status && has_image && (image = strstr(text, image_text)) != NULL) {
        status = tokenizer_encode(check->tokenizer, text, (size_t)(image - text), &check->ids,
                                  check->err);
        if (!status)
            status = add_id(check, IMAGE_ID);
        text = image + sizeof image_text - 1;
    }
    return status ? status
                  : tokenizer_encode(check->tokenizer, text, strlen(text), &check->ids, check->err);
}

static bool has_image(const cJSON *ids)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, ids)
    {
        if (cJSON_IsNumber(item) && item->valueint == IMAGE_ID)
            return true;
    }
    return false;
}

static enum status check_case(struct tokenizer_check *check, const char *name, const char *text,
                              const cJSON *item)
{
    const struct ids_key *key;
    const cJSON *want = find_ids(check, item, &key);
    enum status status = STATUS_OK;
    if (!text || !want)
        return STATUS_OK;
    check->ids.n = 0;
    if (key->bos == BOS_ALWAYS || (key->bos == BOS_IF_EXPECTED && begins_with_bos(check, want)))
        status = add_id(check, check->bos);
    if (!status)
        status = encode_case(check, text, has_image(want));
    if (status)
        return status;
    bool ok = ids_equal(&check->ids, want);
    struct check_result result = {name, NAN, NAN, ok ? NULL : text, ok};
    check_add(check->report, &result);
    check->n_checked += 1;
    return STATUS_OK;
}

/* The cases of a list; what says the text stands under key. */
static enum status check_list(struct tokenizer_check *check, const char *what, const cJSON *list,
                              const char *key)
{
    size_t index = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        char name[64];
        snprintf(name, sizeof name, "tokenizer %s %zu", what, index++);
        enum status status = check_case(check, name, json_string_or(item, key, NULL), item);
        if (status)
            return status;
    }
    return STATUS_OK;
}

static enum status check_root(struct tokenizer_check *check, const char *path, const cJSON *root)
{
    const cJSON *list = cJSON_IsArray(root) ? root : json_find(root, "raw");
    if (!list)
        list = json_find(root, "tokenizer_cases");
    if (!list)
        return fail(check->err, STATUS_BAD_FORMAT, "%s: no list of tokenizer cases", path);
    enum status status = check_list(check, "case", list, "text");
    if (!status)
        status = check_list(check, "prompt", json_find(root, "prompts"), "prompt");
    if (!status && check->n_checked == 0)
        status = fail(check->err, STATUS_MISMATCH,
                      "%s: none of the cases has ids of this kind of tokenizer (\"%s\", \"%s\" or "
                      "\"%s\")",
                      path, check->keys[0].name, check->keys[1].name, check->keys[2].name);
    return status;
}

enum status selftest_tokenizer(const char *cases, const char *tokenizer_path,
                               struct check_report *report, struct error *err)
{
    cJSON *root = NULL;
    struct tokenizer *tokenizer = NULL;
    enum status status = json_read(&root, cases, err);
    if (!status)
        status = tokenizer_open(&tokenizer, tokenizer_path, err);
    if (!status) {
        bool is_llama = tokenizer_prefixes_space(tokenizer);
        struct tokenizer_check check = {.tokenizer = tokenizer,
                                        .keys = is_llama ? llama_keys : byte_level_keys,
                                        .bos =
                                            is_llama ? tokenizer_single_id(tokenizer, "<s>") : -1,
                                        .report = report,
                                        .err = err};
        token_list_init(&check.ids);
        status = check_root(&check, cases, root);
        token_list_release(&check.ids);
    }
    tokenizer_close(tokenizer);
    cJSON_Delete(root);
    return status;
}
