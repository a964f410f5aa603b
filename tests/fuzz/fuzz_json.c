/* Any bytes as JSON, as a whole and one element at a time: a tree or a sentence. */
#include "engine/base/json.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_refused(enum status status, const struct error *err)
{
    if (status == STATUS_OK || strncmp(err->text, "fuzz: ", 6) != 0)
        abort();
}

/* Strings and numbers written again must read back. */
static void write_back(const cJSON *value)
{
    struct text text;
    cJSON *again = NULL;
    text_init(&text);
    if (cJSON_IsString(value))
        json_add_string(&text, value->valuestring);
    else
        json_add_number(&text, value->valuedouble);
    if (!text.failed && json_parse(&again, text.data, text.length, "written", NULL))
        abort();
    cJSON_Delete(again);
    text_release(&text);
}

static void visit(const cJSON *value)
{
    const cJSON *item;
    if (cJSON_IsString(value) || cJSON_IsNumber(value))
        write_back(value);
    cJSON_ArrayForEach(item, value)
    {
        visit(item);
    }
}

/* Returns the number of elements, or -1. */
static int walk(const char *text, size_t size)
{
    struct json_array array;
    struct error err = {""};
    cJSON *element = NULL;
    int n = 0;
    bool is_object = size > 0 && text[0] == '{';
    enum status status = is_object ? json_object_begin(&array, text, size, "fuzz", &err)
                                   : json_array_begin(&array, text, size, "fuzz", &err);
    while (!status && !(status = json_array_next(&array, &element, &err)) && element) {
        cJSON_Delete(element);
        n++;
    }
    if (status)
        check_refused(status, &err);
    return status ? -1 : n;
}

/* cJSON takes control characters between values for white space; the walker does not. */
static int plain(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)text[i] < 0x20 && !memchr("\t\n\r", text[i], 3))
            return 0;
    return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cJSON *root = NULL;
    struct error err = {""};
    /* A block of exactly these bytes, so that reading behind them is seen. */
    char *text = malloc(size + !size);
    if (!text)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    enum status status = json_parse(&root, text, size, "fuzz", &err);
    if (status)
        check_refused(status, &err);
    else
        visit(root);
    int n = walk(text, size);
    /* Both ways agree on what is an array; an object is walked where it is the first byte. */
    bool is_walked = cJSON_IsArray(root) || (cJSON_IsObject(root) && text[0] == '{');
    if (!status && is_walked && plain(text, size) && n != cJSON_GetArraySize(root))
        abort();
    if (!status && !is_walked && n >= 0)
        abort();
    cJSON_Delete(root);
    free(text);
    return 0;
}
