#include "engine/base/json.h"

#include "engine/base/file.h"
#include "engine/base/json_scan.h"
#include "engine/base/utf8.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "line 3, column 7" of a byte offset, both from 1. */
static void line_and_column(const char *data, size_t length, size_t offset, size_t *line,
                            size_t *column)
{
    *line = 1;
    *column = 1;
    for (size_t i = 0; i < offset && i < length; i++) {
        *column += 1;
        if (data[i] == '\n') {
            *line += 1;
            *column = 1;
        }
    }
}

static enum status syntax_error(const char *data, size_t length, size_t offset, const char *place,
                                const char *what, struct error *err)
{
    size_t line, column;
    line_and_column(data, length, offset, &line, &column);
    return fail(err, STATUS_BAD_FORMAT, "%s: line %zu, column %zu: %s", place, line, column, what);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t skip_space(const char *data, size_t length, size_t position)
{
    while (position < length && is_space(data[position]))
        position++;
    return position;
}

/* Whether the value at position, where cJSON stopped at *offset, lacks its end; cJSON never points
 * behind the last byte, so *offset is put there. */
static bool ends_early(const char *data, size_t length, size_t position, size_t *offset)
{
    size_t depth = 0;
    bool quoted = false;
    if (position == length)
        return true;
    for (size_t i = position; i < length; i++) {
        char c = data[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '[' || c == '{'))
            depth++;
        else if (!quoted && (c == ']' || c == '}') && depth-- <= 1)
            return false;
    }
    bool cut = depth > 0 && *offset + 1 >= length;
    if (cut)
        *offset = length;
    return cut || quoted;
}

/* cJSON does not tell want of memory from bad text: our own malloc remembers. */
static _Thread_local bool out_of_memory;

static void *json_malloc(size_t size)
{
    void *memory = malloc(size);
    out_of_memory = out_of_memory || !memory;
    return memory;
}

/* Parses one value of at most that many bytes (0: any) at position and moves position behind it. */
static enum status parse_value(cJSON **root, const char *data, size_t length, size_t most,
                               size_t *position, const char *place, struct error *err)
{
    /* cJSON skips a byte order mark; the readers that define these formats refuse one. */
    if (length - *position >= 3 && memcmp(data + *position, "\xEF\xBB\xBF", 3) == 0)
        return syntax_error(data, length, *position, place, "a byte order mark, not JSON", err);
    size_t wrong_at = *position;
    const char *wrong = json_scan(data, length, most, &wrong_at);
    if (wrong)
        return syntax_error(data, length, wrong_at, place, wrong, err);
    static cJSON_Hooks hooks = {json_malloc, free};
    cJSON_InitHooks(&hooks);
    out_of_memory = false;
    const char *end = NULL;
    cJSON *value = cJSON_ParseWithLengthOpts(data + *position, length - *position, &end, 0);
    if (!value && out_of_memory)
        return fail(err, STATUS_NO_MEMORY, "%s: out of memory while reading JSON", place);
    if (!value) {
        size_t offset = end ? (size_t)(end - data) : *position;
        bool cut = ends_early(data, length, *position, &offset);
        const char *what = cut ? "the JSON text ends too early" : "not valid JSON";
        return syntax_error(data, length, offset, place, what, err);
    }
    *position = (size_t)(end - data);
    *root = value;
    return STATUS_OK;
}

enum status json_parse(cJSON **root, const char *data, size_t length, const char *place,
                       struct error *err)
{
    size_t position = skip_space(data, length, 0);
    if (position == length)
        return fail(err, STATUS_BAD_FORMAT, "%s: empty, JSON expected", place);
    cJSON *value = NULL;
    enum status status = parse_value(&value, data, length, 0, &position, place, err);
    if (status)
        return status;
    position = skip_space(data, length, position);
    if (position != length) {
        cJSON_Delete(value);
        return syntax_error(data, length, position, place, "text behind the JSON value", err);
    }
    *root = value;
    return STATUS_OK;
}

enum status json_read(cJSON **root, const char *path, struct error *err)
{
    struct file_map map;
    enum status status = file_map_open(&map, path, err);
    if (status)
        return status;
    if (map.size_bytes > JSON_FILE_BYTES)
        status = fail(err, STATUS_BAD_FORMAT,
                      "%s: %zu bytes; JSON that is read at once has at most %d MiB", path,
                      map.size_bytes, JSON_FILE_BYTES >> 20);
    else
        status = json_parse(root, (const char *)map.data, map.size_bytes, path, err);
    file_map_close(&map);
    return status;
}

const cJSON *json_find(const cJSON *object, const char *key)
{
    const cJSON *found = NULL, *item;
    if (cJSON_IsObject(object))
        cJSON_ArrayForEach(item, object) if (item->string && strcmp(item->string, key) == 0) found =
            item;
    return found;
}

enum status json_get(const cJSON *object, const char *key, const char *place, const cJSON **out,
                     struct error *err)
{
    const cJSON *item = json_find(object, key);
    if (!item)
        return fail(err, STATUS_BAD_FORMAT, "%s: \"%s\" is missing", place, key);
    *out = item;
    return STATUS_OK;
}

enum status json_get_string(const cJSON *object, const char *key, const char *place,
                            const char **out, struct error *err)
{
    const cJSON *item = NULL;
    enum status status = json_get(object, key, place, &item, err);
    if (status)
        return status;
    if (!cJSON_IsString(item))
        return fail(err, STATUS_BAD_FORMAT, "%s: \"%s\" is not a string", place, key);
    *out = item->valuestring;
    return STATUS_OK;
}

enum status json_get_number(const cJSON *object, const char *key, const char *place, double *out,
                            struct error *err)
{
    const cJSON *item = NULL;
    enum status status = json_get(object, key, place, &item, err);
    if (status)
        return status;
    if (!cJSON_IsNumber(item))
        return fail(err, STATUS_BAD_FORMAT, "%s: \"%s\" is not a number", place, key);
    *out = item->valuedouble;
    return STATUS_OK;
}

static bool is_int(double value)
{
    return value >= INT_MIN && value <= INT_MAX && value == floor(value);
}

enum status json_get_int(const cJSON *object, const char *key, const char *place, int *out,
                         struct error *err)
{
    double value = 0;
    enum status status = json_get_number(object, key, place, &value, err);
    if (status)
        return status;
    if (!is_int(value))
        return fail(err, STATUS_BAD_FORMAT, "%s: \"%s\" is %g, a whole number is expected", place,
                    key, value);
    *out = (int)value;
    return STATUS_OK;
}

enum status json_get_array(const cJSON *object, const char *key, const char *place,
                           const cJSON **out, struct error *err)
{
    const cJSON *item = NULL;
    enum status status = json_get(object, key, place, &item, err);
    if (status)
        return status;
    if (!cJSON_IsArray(item))
        return fail(err, STATUS_BAD_FORMAT, "%s: \"%s\" is not an array", place, key);
    *out = item;
    return STATUS_OK;
}

const char *json_string_or(const cJSON *object, const char *key, const char *fallback)
{
    const cJSON *item = json_find(object, key);
    return cJSON_IsString(item) ? item->valuestring : fallback;
}

double json_number_or(const cJSON *object, const char *key, double fallback)
{
    const cJSON *item = json_find(object, key);
    return cJSON_IsNumber(item) ? item->valuedouble : fallback;
}

int json_int_or(const cJSON *object, const char *key, int fallback)
{
    const cJSON *item = json_find(object, key);
    return cJSON_IsNumber(item) && is_int(item->valuedouble) ? (int)item->valuedouble : fallback;
}

bool json_bool_or(const cJSON *object, const char *key, bool fallback)
{
    const cJSON *item = json_find(object, key);
    return cJSON_IsBool(item) ? cJSON_IsTrue(item) : fallback;
}

static void add_escaped(struct text *out, uint32_t c)
{
    switch (c) {
    case '"':
        text_add(out, "\\\"");
        return;
    case '\\':
        text_add(out, "\\\\");
        return;
    case '\n':
        text_add(out, "\\n");
        return;
    case '\r':
        text_add(out, "\\r");
        return;
    case '\t':
        text_add(out, "\\t");
        return;
    case '\b':
        text_add(out, "\\b");
        return;
    case '\f':
        text_add(out, "\\f");
        return;
    default:
        break;
    }
    if (c >= 0x20 && c < 0x7F)
        text_add_char(out, (char)c);
    else if (c < 0x10000)
        text_addf(out, "\\u%04x", c);
    else
        text_addf(out, "\\u%04x\\u%04x", 0xD800 + ((c - 0x10000) >> 10),
                  0xDC00 + ((c - 0x10000) & 0x3FF));
}

void json_add_string(struct text *out, const char *value)
{
    text_add_char(out, '"');
    const char *end = value + strlen(value);
    while (value < end)
        add_escaped(out, utf8_next(&value, end));
    text_add_char(out, '"');
}

void json_add_number(struct text *out, double value)
{
    if (!isfinite(value)) {
        text_add(out, "null");
        return;
    }
    /* Below 2^53 every whole number is exact; -0 keeps its sign the other way. */
    if (value == floor(value) && fabs(value) < 9007199254740992.0 &&
        !(value == 0 && signbit(value))) {
        text_addf(out, "%.0f", value);
        return;
    }
    char digits[40];
    for (int precision = 1; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, value);
        if (strtod(digits, NULL) == value)
            break;
    }
    text_add(out, digits);
}

enum status json_array_begin(struct json_array *array, const char *data, size_t length,
                             const char *place, struct error *err)
{
    size_t position = skip_space(data, length, 0);
    if (position == length || data[position] != '[')
        return syntax_error(data, length, position, place, "a JSON array is expected", err);
    *array = (struct json_array){
        .data = data, .length = length, .position = position + 1, .place = place};
    return STATUS_OK;
}

enum status json_object_begin(struct json_array *object, const char *data, size_t length,
                              const char *place, struct error *err)
{
    size_t position = skip_space(data, length, 0);
    if (position == length || data[position] != '{')
        return syntax_error(data, length, position, place, "a JSON object is expected", err);
    *object = (struct json_array){.data = data,
                                  .length = length,
                                  .position = position + 1,
                                  .is_object = true,
                                  .place = place};
    return STATUS_OK;
}

/* What is read and forgotten is text, too. */
static enum status check_text(const struct json_array *array, size_t start, size_t end,
                              struct error *err)
{
    size_t bad = 0;
    if (utf8_valid(array->data + start, end - start, &bad))
        return STATUS_OK;
    return syntax_error(array->data, array->length, start + bad, array->place, "not UTF-8", err);
}

/* Reads "key": at position and moves behind the colon; *is_named tells whether the key is name. */
static enum status read_key(const struct json_array *array, size_t *position, const char *name,
                            bool *is_named, struct error *err)
{
    cJSON *key = NULL;
    size_t at = skip_space(array->data, array->length, *position);
    if (at == array->length || array->data[at] != '"')
        return syntax_error(array->data, array->length, at, array->place,
                            "the name of a member is expected", err);
    enum status status =
        parse_value(&key, array->data, array->length, JSON_RECORD_BYTES, &at, array->place, err);
    if (!status && (status = check_text(array, *position, at, err)))
        cJSON_Delete(key);
    if (status)
        return status;
    *is_named = strcmp(key->valuestring, name) == 0;
    cJSON_Delete(key);
    at = skip_space(array->data, array->length, at);
    if (at == array->length || array->data[at] != ':')
        return syntax_error(array->data, array->length, at, array->place, "':' is expected", err);
    *position = skip_space(array->data, array->length, at + 1);
    return STATUS_OK;
}

static enum status skip_value(const struct json_array *array, size_t *position, struct error *err)
{
    cJSON *value = NULL;
    size_t start = *position;
    enum status status = parse_value(&value, array->data, array->length, JSON_RECORD_BYTES,
                                     position, array->place, err);
    cJSON_Delete(value);
    if (!status)
        status = check_text(array, start, *position, err);
    *position = skip_space(array->data, array->length, *position);
    return status;
}

enum status json_member_array_begin(struct json_array *array, const char *data, size_t length,
                                    const char *key, const char *place, struct error *err)
{
    struct json_array walker = {.data = data, .length = length, .place = place, .member = key};
    size_t position = skip_space(data, length, 0);
    if (position == length || data[position] != '{')
        return syntax_error(data, length, position, place, "a JSON object is expected", err);
    for (position += 1;; position += 1) {
        bool is_named = false;
        enum status status = read_key(&walker, &position, key, &is_named, err);
        if (status)
            return status;
        if (is_named)
            break;
        if ((status = skip_value(&walker, &position, err)))
            return status;
        if (position < length && data[position] == '}')
            return fail(err, STATUS_BAD_FORMAT, "%s: \"%s\" is missing", place, key);
        if (position == length || data[position] != ',')
            return syntax_error(data, length, position, place, "',' or '}' is expected", err);
    }
    if (position == length || data[position] != '[')
        return fail(err, STATUS_BAD_FORMAT, "%s: \"%s\" is not an array", place, key);
    walker.position = position + 1;
    *array = walker;
    return STATUS_OK;
}

/* Behind the array: the other members, up to the end of the object. */
static enum status finish_object(const struct json_array *array, size_t *position,
                                 struct error *err)
{
    while (*position < array->length && array->data[*position] == ',') {
        bool is_named = false;
        *position += 1;
        enum status status = read_key(array, position, array->member, &is_named, err);
        if (!status && is_named)
            status = fail(err, STATUS_BAD_FORMAT, "%s: \"%s\" is there twice", array->place,
                          array->member);
        if (!status)
            status = skip_value(array, position, err);
        if (status)
            return status;
    }
    if (*position == array->length || array->data[*position] != '}')
        return syntax_error(array->data, array->length, *position, array->place,
                            "',' or '}' is expected", err);
    *position = skip_space(array->data, array->length, *position + 1);
    return STATUS_OK;
}

/* At the closing bracket: only white space may follow, and the rest of the object. */
static enum status finish_array(struct json_array *array, size_t position, struct error *err)
{
    position = skip_space(array->data, array->length, position + 1);
    enum status status = array->member ? finish_object(array, &position, err) : STATUS_OK;
    if (status)
        return status;
    if (position != array->length)
        return syntax_error(array->data, array->length, position, array->place,
                            array->is_object || array->member ? "text behind the JSON object"
                                                              : "text behind the JSON array",
                            err);
    array->position = array->length;
    array->finished = true;
    return STATUS_OK;
}

/* A key with its colon; position moves to the value. */
static enum status parse_key(const struct json_array *object, cJSON **key, size_t *position,
                             struct error *err)
{
    const char *data = object->data;
    if (*position == object->length || data[*position] != '"')
        return syntax_error(data, object->length, *position, object->place,
                            "a key in quotes is expected", err);
    enum status status =
        parse_value(key, data, object->length, JSON_RECORD_BYTES, position, object->place, err);
    if (status)
        return status;
    *position = skip_space(data, object->length, *position);
    if (*position == object->length || data[*position] != ':')
        return syntax_error(data, object->length, *position, object->place, "':' is expected", err);
    *position = skip_space(data, object->length, *position + 1);
    return STATUS_OK;
}

enum status json_array_next(struct json_array *array, cJSON **element, struct error *err)
{
    *element = NULL;
    if (array->finished)
        return STATUS_OK;
    size_t position = skip_space(array->data, array->length, array->position);
    if (position < array->length && array->data[position] == (array->is_object ? '}' : ']'))
        return finish_array(array, position, err);
    if (array->index > 0) {
        if (position == array->length || array->data[position] != ',')
            return syntax_error(
                array->data, array->length, position, array->place,
                array->is_object ? "',' or '}' is expected" : "',' or ']' is expected", err);
        position = skip_space(array->data, array->length, position + 1);
    }
    cJSON *key = NULL;
    enum status status = array->is_object ? parse_key(array, &key, &position, err) : STATUS_OK;
    if (!status)
        status = parse_value(element, array->data, array->length, JSON_RECORD_BYTES, &position,
                             array->place, err);
    if (status) {
        cJSON_Delete(key);
        return status;
    }
    if (key) {
        (*element)->string = key->valuestring;
        key->valuestring = NULL;
        cJSON_Delete(key);
    }
    array->position = position;
    array->index += 1;
    return STATUS_OK;
}
