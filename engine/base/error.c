#include "engine/base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum status fail(struct error *err, enum status code, const char *format, ...)
{
    if (!err)
        return code;
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    return code;
}

enum status fail_within(struct error *err, enum status code, const char *prefix)
{
    if (!err)
        return code;
    struct error inner = *err;
    snprintf(err->text, sizeof err->text, "%.200s: %.500s", prefix, inner.text);
    return code;
}

const char *status_text(enum status code)
{
    static const char *const texts[] = {
#define X(name, text) text,
        STATUS_LIST(X)
#undef X
    };
    return (size_t)code < sizeof texts / sizeof texts[0] ? texts[code] : "unknown status";
}
