/* engine/base/sha256_cache.h - digests of large files, remembered between runs.
 *
 * Hashing 7 GB takes longer than loading it, and weights do not change.  The memory is a text file,
 * $XDG_CACHE_HOME/mambench/sha256 (or ~/.cache/mambench/sha256), a line a file:
 *
 *     digest size mtime path            the path is absolute, mtime in nanoseconds
 *
 * A line counts only while size and mtime are those of the file.  What cannot be read or written
 * there is no error: the file is hashed then.  It may be removed at any time. */
#ifndef MAMBENCH_ENGINE_BASE_SHA256_CACHE_H
#define MAMBENCH_ENGINE_BASE_SHA256_CACHE_H

#include "engine/base/sha256.h"

/* sha256_file(), or what is remembered of it.  Errors: those of sha256_file(). */
enum status sha256_file_cached(const char *path, struct sha256_text *out, struct error *err);

#endif
