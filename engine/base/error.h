/* engine/base/error.h - how every function that can fail reports failure.
 *
 * A function that can fail returns enum status and takes a struct error last.  The caller owns
 * the struct; a call that succeeds leaves it untouched, so calls can be chained with || and the
 * sentence printed once, at the end.  Libraries neither print nor exit. */
#ifndef MAMBENCH_ENGINE_BASE_ERROR_H
#define MAMBENCH_ENGINE_BASE_ERROR_H

#define STATUS_LIST(X)                                                                             \
    X(OK, "ok")                                                                                    \
    X(NO_MEMORY, "out of memory")                                                                  \
    X(IO, "input/output error")                                                                    \
    X(BAD_FORMAT, "malformed input")                                                               \
    X(NOT_FOUND, "not found")                                                                      \
    X(UNSUPPORTED, "not supported")                                                                \
    X(MISMATCH, "does not match")                                                                  \
    X(USAGE, "wrong usage")

enum status {
#define X(name, text) STATUS_##name,
    STATUS_LIST(X)
#undef X
};

/* One sentence the user can act on: it names the file, the place in it and the cause. */
struct error {
    char text[768];
};

/* Writes the sentence (err may be NULL) and returns code:
 *     return fail(err, STATUS_IO, "cannot open %s: %s", path, strerror(errno)); */
enum status fail(struct error *err, enum status code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "prefix: " before the sentence that is already there, and returns code. */
enum status fail_within(struct error *err, enum status code, const char *prefix);

/* The short text of a status, e.g. "out of memory".  Static storage. */
const char *status_text(enum status code);

#endif
