/* engine/base/file.h - whole files: read, mapped, written so that a crash leaves old or new. */
#ifndef MAMBENCH_ENGINE_BASE_FILE_H
#define MAMBENCH_ENGINE_BASE_FILE_H

#include "engine/base/arena.h"
#include "engine/base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* A file mapped read-only.  data is NULL for an empty file. */
struct file_map {
    const unsigned char *data;
    size_t size_bytes;
};

/* Maps path; the caller releases it with file_unmap().  Errors: NOT_FOUND, IO. */
enum status file_map_open(struct file_map *map, const char *path, struct error *err);
void file_map_close(struct file_map *map);

/* Tells the system that the mapped bytes [start, start + length) will not be read again soon,
 * so that their pages stop counting as resident.  The data stays readable. */
void file_map_drop(const struct file_map *map, size_t start, size_t length);

/* Reads the whole of path into the arena; *size is set and the data NUL-terminated.
 * size may be NULL.  Errors: NOT_FOUND, IO, NO_MEMORY. */
enum status file_read(const char *path, struct arena *arena, char **data, size_t *size,
                      struct error *err);

/* Replaces path by the given bytes: written to a temporary file beside it, synced, renamed.
 * On failure the old file is untouched. */
enum status file_write(const char *path, const char *data, size_t size, struct error *err);

/* Creates the directory and its parents; one that exists is fine. */
enum status directory_create(const char *path, struct error *err);

bool file_exists(const char *path);
bool directory_exists(const char *path);

/* "directory/name" in the arena; an absolute name is returned as it is.  NULL without memory. */
char *path_join(struct arena *arena, const char *directory, const char *name);

/* The part of path in front of the last '/', "." where there is none. */
char *path_directory(struct arena *arena, const char *path);

/* The part of path behind the last '/': points into path. */
const char *path_name(const char *path);

#endif
