/* eval/options.h - one table of options per command: the parser, --help, the man page and the bash
 * completion all read it.
 *
 * To add an option: add a row to the command's table and ask for its value by name. */
#ifndef MAMBENCH_EVAL_OPTIONS_H
#define MAMBENCH_EVAL_OPTIONS_H

#include "engine/base/arena.h"
#include "engine/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_type {
    OPTION_FLAG,      /* no argument */
    OPTION_TEXT,      /* anything */
    OPTION_COUNT,     /* a whole number, 0 or more */
    OPTION_NUMBER,    /* a finite number */
    OPTION_SIZE,      /* bytes: "4G", "800M", "65536" */
    OPTION_FILE,      /* like TEXT; completion offers files */
    OPTION_DIRECTORY, /* like TEXT; completion offers directories */
    OPTION_CHOICE,    /* one of a list */
};

/* A table ends with a row whose name is NULL. */
struct option_spec {
    const char *name; /* long name without the dashes */
    char letter;      /* short name, or 0 */
    enum option_type type;
    const char *argument;       /* "DIR" in the help; NULL for a flag */
    const char *help;           /* one sentence without the final stop */
    const char *fallback;       /* value where it is not given; NULL: none */
    const char *const *choices; /* NULL-terminated, for OPTION_CHOICE */
    bool repeatable;
};

struct option_value; /* what was given for one row */

struct options {
    const struct option_spec *specs;
    struct option_value *values; /* one per row */
    const char **operands;       /* what is not an option, in order */
    size_t n_operands;
    bool help; /* --help or -h was given: nothing else was checked */
    struct arena arena;
};

/* Parses arguments against the table; "--" ends the options.  Strings point into arguments.  On
 * success the caller releases *options.  Errors: USAGE (with a suggestion where a name is nearly
 * right), NO_MEMORY. */
enum status options_parse(struct options *options, const struct option_spec *specs,
                          size_t n_arguments, const char *const *arguments, struct error *err);
void options_release(struct options *options);

/* Values by name; the name must be in the table with a fitting type. */
bool option_given(const struct options *options, const char *name);
bool option_flag(const struct options *options, const char *name);
/* The last one given, else the fallback, else NULL. */
const char *option_text(const struct options *options, const char *name);
/* Fallback where not given; 0 without one. */
uint64_t option_count(const struct options *options, const char *name);
double option_number(const struct options *options, const char *name);
/* Bytes; K, M, G and T are powers of 1024. */
double option_size(const struct options *options, const char *name);
/* All values of a repeatable option, in order; the fallback is not among them. */
size_t option_list(const struct options *options, const char *name, const char *const **values);

/* Where its value comes from: "command line", "default", or what options_set() was told. */
const char *option_origin(const struct options *options, const char *name);

/* A copy with a memory of its own that options_set() may add to; strings and operands stay those of
 * from.  The caller releases it.  Errors: NO_MEMORY. */
enum status options_copy(struct options *to, const struct options *from, struct error *err);

/* Gives an option a value as the command line would (a flag: ""; NULL: it is not to have one),
 * unless another origin has: who comes first wins.  text and origin are borrowed; origins are
 * compared as pointers. Errors: USAGE (no such option, a value that does not fit), NO_MEMORY. */
enum status options_set(struct options *options, const char *name, const char *text,
                        const char *origin, struct error *err);

/* The words that give a command the same options and operands again, NULL-terminated, in arena:
 * those of the command line only, without the flags in skip (NULL-terminated).  NULL without
 * memory. */
const char **options_words(const struct options *options, const char *const *skip,
                           struct arena *arena);

/* The closest name to word among n, or NULL if none is near. */
const char *closest_name(const char *word, const char *const *names, size_t n);

#endif
