/* eval/output.h - data to standard output, messages to standard error. */
#ifndef MAMBENCH_EVAL_OUTPUT_H
#define MAMBENCH_EVAL_OUTPUT_H

#include "engine/base/error.h"
#include "engine/base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Writes data to standard output and flushes it.  Errors: IO (full disk), NO_MEMORY if the text
 * has failed. */
enum status output_text(const struct text *text, struct error *err);

/* One line on standard error, behind the progress line if there is one. */
void message(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Whether standard output is a terminal that wants colours (NO_COLOR and TERM=dumb are heeded). */
bool output_has_colour(void);

/* Whether messages go to a terminal that can redraw a line. */
bool output_has_terminal(void);

/* Redraws the line that stands below all messages until the next one; only on such a terminal. */
void output_status_line(const char *text);

/* Appends seconds for people: "0.8 s", "41 s", "3 min 20 s", "2 h 05 min". */
void add_duration(struct text *out, double seconds);

/* Appends a byte count for people: "912 KiB", "5.4 GiB". */
void add_bytes(struct text *out, double bytes);

/* Appends arguments[0..n) as a shell reads them. */
void add_shell_words(struct text *out, const char *const *arguments);

#endif
