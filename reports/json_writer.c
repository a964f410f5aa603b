#include "reports/json_writer.h"

#include "engine/base/json.h"

#include <assert.h>
#include <inttypes.h>

void json_begin(struct json_writer *writer, struct text *out)
{
    *writer = (struct json_writer){.out = out};
}

void json_begin_line(struct json_writer *writer, struct text *out)
{
    *writer = (struct json_writer){.out = out, .one_line = true};
}

static void new_line(struct json_writer *writer)
{
    if (writer->out->failed)
        return;
    if (writer->one_line) {
        text_add(writer->out, writer->out->data[writer->out->length - 1] == ',' ? " " : "");
        return;
    }
    text_addf(writer->out, "\n%*s", writer->depth * 2, "");
}

static void add_key(struct json_writer *writer, const char *key)
{
    if (writer->depth > 0) {
        if (writer->has_members[writer->depth])
            text_add_char(writer->out, ',');
        writer->has_members[writer->depth] = true;
        new_line(writer);
    }
    if (key) {
        json_add_string(writer->out, key);
        text_add(writer->out, ": ");
    }
}

void json_open(struct json_writer *writer, const char *key, char bracket)
{
    assert(writer->depth + 1 < JSON_MAX_DEPTH);
    add_key(writer, key);
    text_add_char(writer->out, bracket);
    writer->depth += 1;
    writer->has_members[writer->depth] = false;
}

void json_close(struct json_writer *writer, char bracket)
{
    bool filled = writer->has_members[writer->depth];
    assert(writer->depth > 0);
    writer->depth -= 1;
    if (filled)
        new_line(writer);
    text_add_char(writer->out, bracket);
    if (writer->depth == 0 && !writer->one_line)
        text_add_char(writer->out, '\n');
}

void json_put_raw(struct json_writer *writer, const char *key, const char *json)
{
    add_key(writer, key);
    text_add(writer->out, json);
}

void json_put_string(struct json_writer *writer, const char *key, const char *value)
{
    add_key(writer, key);
    if (value)
        json_add_string(writer->out, value);
    else
        text_add(writer->out, "null");
}

void json_put_number(struct json_writer *writer, const char *key, double value)
{
    add_key(writer, key);
    json_add_number(writer->out, value);
}

void json_put_count(struct json_writer *writer, const char *key, uint64_t value)
{
    add_key(writer, key);
    text_addf(writer->out, "%" PRIu64, value);
}

void json_put_bool(struct json_writer *writer, const char *key, bool value)
{
    add_key(writer, key);
    text_add(writer->out, value ? "true" : "false");
}

void json_put_strings(struct json_writer *writer, const char *key, const char *const *values,
                      size_t n)
{
    json_open(writer, key, '[');
    for (size_t i = 0; i < n; i++)
        json_put_string(writer, NULL, values[i]);
    json_close(writer, ']');
}
