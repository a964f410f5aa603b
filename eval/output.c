#include "eval/output.h"

#include "engine/base/clock.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool line_is_open; /* a progress line stands on the terminal */

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

void progress_begin(struct progress *progress, const char *what, size_t start, size_t total,
                    bool quiet)
{
    *progress = (struct progress){.what = what, .total = total, .start = start, .quiet = quiet};
    const char *term = getenv("TERM");
    progress->terminal = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
    progress->began_ns = clock_ns();
    progress->printed_ns = progress->began_ns;
}

static void print_progress(struct progress *progress, size_t done, size_t failed, int64_t now)
{
    struct text line;
    text_init(&line);
    double seconds = (double)(now - progress->began_ns) * 1e-9;
    size_t here = done - progress->start;
    text_addf(&line, "%s: %zu of %zu", progress->what, done, progress->total);
    if (failed > 0)
        text_addf(&line, ", %zu failed", failed);
    if (here > 0 && seconds > 0) {
        double rate = (double)here / seconds;
        text_addf(&line, rate >= 10 ? ", %.0f/s" : ", %.2f/s", rate);
        if (done < progress->total) {
            text_add(&line, ", about ");
            add_duration(&line, (double)(progress->total - done) / rate);
            text_add(&line, " left");
        }
    }
    if (progress->terminal) {
        fprintf(stderr, "\r\033[K%s", text_string(&line));
        fflush(stderr);
        line_is_open = true;
    } else {
        fprintf(stderr, "%s\n", text_string(&line));
    }
    text_release(&line);
    progress->printed_ns = now;
}

void progress_show(struct progress *progress, size_t done, size_t failed)
{
    int64_t now = clock_ns();
    int64_t interval = progress->terminal ? 200 * INT64_C(1000000) : 30 * INT64_C(1000000000);
    if (!progress->quiet && now - progress->printed_ns >= interval)
        print_progress(progress, done, failed, now);
}

void progress_end(struct progress *progress, size_t done, size_t failed)
{
    close_line();
    if (progress->quiet)
        return;
    struct text line;
    text_init(&line);
    add_duration(&line, (double)(clock_ns() - progress->began_ns) * 1e-9);
    if (progress->start > 0)
        fprintf(stderr, "%s: %zu of %zu, %zu of them now, %zu failed, in %s\n", progress->what,
                done, progress->total, done - progress->start, failed, text_string(&line));
    else
        fprintf(stderr, "%s: %zu of %zu, %zu failed, in %s\n", progress->what, done,
                progress->total, failed, text_string(&line));
    text_release(&line);
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
