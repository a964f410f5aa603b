#include "engine/base/sha256_cache.h"

#include "engine/base/arena.h"
#include "engine/base/file.h"
#include "engine/base/lines.h"
#include "engine/base/text.h"

#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* Files remembered at most, the oldest go; and seconds for which a changed file is not trusted: it
 * may be written again within the clock's grain. */
enum { MOST_LINES = 1024, SETTLED_SECONDS = 2, DIGEST_LENGTH = 64 };

/* What a line must say of a file to count. */
struct stamp {
    char path[PATH_MAX];
    char text[64]; /* " size mtime " */
    bool settled;
};

static bool take_stamp(const char *path, struct stamp *stamp)
{
    struct stat info;
    if (!realpath(path, stamp->path) || strchr(stamp->path, '\n') || stat(stamp->path, &info) != 0)
        return false;
    snprintf(stamp->text, sizeof stamp->text, " %jd %jd%09ld ", (intmax_t)info.st_size,
             (intmax_t)info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
    stamp->settled = time(NULL) - info.st_mtim.tv_sec > SETTLED_SECONDS;
    return true;
}

static const char *cache_path(struct arena *arena)
{
    const char *root = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (root && root[0] == '/')
        return arena_printf(arena, "%s/mambench/sha256", root);
    return home && home[0] == '/' ? arena_printf(arena, "%s/.cache/mambench/sha256", home) : NULL;
}

/* Splits "digest size mtime path"; false where a line is none. */
static bool split_line(const char *line, size_t length, size_t *path_start)
{
    size_t at = 0;
    for (int field = 0; field < 3; field++, at++) {
        size_t start = at;
        while (at < length && line[at] != ' ')
            at++;
        if (at == start || at == length || (field == 0 && at != DIGEST_LENGTH))
            return false;
    }
    *path_start = at;
    return strspn(line, "0123456789abcdef") == DIGEST_LENGTH && at < length;
}

static bool is_of(const char *line, size_t length, size_t path_start, const char *path)
{
    size_t n = strlen(path);
    return length - path_start == n && memcmp(line + path_start, path, n) == 0;
}

/* Looks a file up; the memory's text may be NULL. */
static bool look_up(const char *memory, size_t size, const struct stamp *stamp,
                    struct sha256_text *out)
{
    struct lines lines;
    const char *line;
    size_t length, start;
    lines_init(&lines, memory, memory ? size : 0);
    while (lines_next(&lines, &line, &length))
        if (split_line(line, length, &start) && is_of(line, length, start, stamp->path) &&
            start == DIGEST_LENGTH + strlen(stamp->text) &&
            memcmp(line + DIGEST_LENGTH, stamp->text, strlen(stamp->text)) == 0) {
            memcpy(out->hex, line, DIGEST_LENGTH);
            out->hex[DIGEST_LENGTH] = '\0';
            return true;
        }
    return false;
}

/* The memory with a file's line in front and without its old ones. */
static void remember(const char *cache, const char *memory, size_t size, const struct stamp *stamp,
                     const struct sha256_text *digest, struct arena *arena)
{
    struct text text;
    struct lines lines;
    const char *line, *folder = path_directory(arena, cache);
    size_t length, start, kept = 1;
    text_init(&text);
    text_addf(&text, "%s%s%s\n", digest->hex, stamp->text, stamp->path);
    lines_init(&lines, memory, memory ? size : 0);
    while (lines_next(&lines, &line, &length) && kept < MOST_LINES) {
        if (!split_line(line, length, &start) || is_of(line, length, start, stamp->path))
            continue;
        text_add_bytes(&text, line, length);
        text_add_char(&text, '\n');
        kept++;
    }
    if (!text.failed && folder && directory_create(folder, NULL) == STATUS_OK)
        file_write(cache, text.data, text.length, NULL);
    text_release(&text);
}

enum status sha256_file_cached(const char *path, struct sha256_text *out, struct error *err)
{
    struct stamp before, after;
    struct arena arena;
    char *memory = NULL;
    size_t size = 0;
    arena_init(&arena);
    const char *cache = take_stamp(path, &before) ? cache_path(&arena) : NULL;
    if (cache)
        file_read(cache, &arena, &memory, &size, NULL);
    enum status status = STATUS_OK;
    if (!cache || !look_up(memory, size, &before, out)) {
        status = sha256_file(path, out, err);
        bool same = !status && cache && take_stamp(path, &after) && before.settled &&
                    strcmp(before.text, after.text) == 0;
        if (same)
            remember(cache, memory, size, &before, out, &arena);
    }
    arena_release(&arena);
    return status;
}
