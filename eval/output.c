#include "eval/output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool line_is_open; /* a progress line stands on the terminal */

void output_status_line(const char *text)
{
    fprintf(stderr, "\r\033[K%s", text);
    fflush(stderr);
    line_is_open = true;
}

bool output_has_terminal(void)
{
    const char *term = getenv("TERM");
    return isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
}

enum status output_text(const struct text *text, struct error *err)
{
    if (text->failed)
        return fail(err, STATUS_NO_MEMORY, "out of memory while preparing the output");
    errno = 0;
    if (fwrite(text_string(text), 1, text->length, stdout) != text->length || fflush(stdout) != 0)
        return fail(err, STATUS_IO, "cannot write to standard output: %s", strerror(errno));
    return STATUS_OK;
}

static void close_line(void)
{
    if (line_is_open)
        fputs("\r\033[K", stderr);
    line_is_open = false;
}

void message(const char *format, ...)
{
    va_list args;
    close_line();
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

bool output_has_colour(void)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    return isatty(STDOUT_FILENO) && !(no_color && no_color[0]) && term && strcmp(term, "dumb") != 0;
}

void add_duration(struct text *out, double seconds)
{
    if (seconds < 10) {
        text_addf(out, "%.1f s", seconds);
    } else if (seconds < 99.5) {
        text_addf(out, "%.0f s", seconds);
    } else {
        long whole = (long)(seconds + 0.5);
        if (whole < 3600)
            text_addf(out, "%ld min %02ld s", whole / 60, whole % 60);
        else
            text_addf(out, "%ld h %02ld min", whole / 3600, whole % 3600 / 60);
    }
}

void add_bytes(struct text *out, double bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    while (bytes >= 1000 && unit + 1 < sizeof units / sizeof units[0]) {
        bytes /= 1024;
        unit++;
    }
    text_addf(out, unit == 0 || bytes >= 99.95 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
}

static bool is_plain(const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-+=.,:/@%^";
    return word[0] && word[strspn(word, plain)] == '\0';
}

void add_shell_words(struct text *out, const char *const *arguments)
{
    for (size_t i = 0; arguments[i]; i++) {
        if (i > 0)
            text_add_char(out, ' ');
        if (is_plain(arguments[i])) {
            text_add(out, arguments[i]);
            continue;
        }
        text_add_char(out, '\'');
        for (const char *c = arguments[i]; *c; c++) {
            if (*c == '\'')
                text_add(out, "'\\''");
            else
                text_add_char(out, *c);
        }
        text_add_char(out, '\'');
    }
}
