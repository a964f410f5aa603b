#include "engine/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static enum status open_failed(const char *path, struct error *err)
{
    enum status code = errno == ENOENT || errno == ENOTDIR ? STATUS_NOT_FOUND : STATUS_IO;
    return fail(err, code, "cannot open %s: %s", path, strerror(errno));
}

/* Opens a regular file for reading and tells its size. */
static enum status open_regular(const char *path, int *fd, size_t *size, struct error *err)
{
    *fd =
        open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe is refused below, not waited for */
    if (*fd < 0)
        return open_failed(path, err);
    struct stat info;
    if (fstat(*fd, &info) != 0) {
        int saved = errno;
        close(*fd);
        return fail(err, STATUS_IO, "cannot read %s: %s", path, strerror(saved));
    }
    if (!S_ISREG(info.st_mode)) {
        close(*fd);
        return fail(err, STATUS_IO, "cannot read %s: it is %s", path,
                    S_ISDIR(info.st_mode) ? "a directory" : "not a regular file");
    }
    *size = (size_t)info.st_size;
    return STATUS_OK;
}

enum status file_map_open(struct file_map *map, const char *path, struct error *err)
{
    int fd;
    size_t size;
    enum status status = open_regular(path, &fd, &size, err);
    if (status)
        return status;
    void *data = NULL;
    if (size > 0) {
        data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED) {
            int saved = errno;
            close(fd);
            return fail(err, STATUS_IO, "cannot map %s: %s", path, strerror(saved));
        }
    }
    close(fd);
    map->data = data;
    map->size_bytes = size;
    return STATUS_OK;
}

void file_map_close(struct file_map *map)
{
    if (map->data)
        munmap((void *)(uintptr_t)map->data, map->size_bytes);
    *map = (struct file_map){0};
}

void file_map_drop(const struct file_map *map, size_t start, size_t length)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (!map->data || start > map->size_bytes || length > map->size_bytes - start)
        return;
    /* Whole pages inside the range only: neighbours may still be wanted. */
    uintptr_t first = ((uintptr_t)map->data + start + page - 1) / page * page;
    uintptr_t last = ((uintptr_t)map->data + start + length) / page * page;
    if (last > first)
        madvise((void *)first, last - first, MADV_DONTNEED);
}

static enum status read_fully(int fd, char *data, size_t size, const char *path, struct error *err)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = read(fd, data + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(err, STATUS_IO, "cannot read %s at byte %zu: %s", path, done,
                        strerror(errno));
        if (n == 0)
            return fail(err, STATUS_IO, "cannot read %s: it ended at byte %zu of %zu", path, done,
                        size);
        done += (size_t)n;
    }
    return STATUS_OK;
}

enum status file_read(const char *path, struct arena *arena, char **data, size_t *size,
                      struct error *err)
{
    int fd;
    size_t length;
    enum status status = open_regular(path, &fd, &length, err);
    if (status)
        return status;
    char *bytes = length < SIZE_MAX ? arena_alloc_small(arena, length + 1, 1) : NULL;
    if (!bytes)
        status = fail(err, STATUS_NO_MEMORY, "out of memory while reading %s", path);
    else
        status = read_fully(fd, bytes, length, path, err);
    close(fd);
    if (status)
        return status;
    *data = bytes;
    if (size)
        *size = length;
    return STATUS_OK;
}

static enum status write_fully(int fd, const char *data, size_t size, const char *path,
                               struct error *err)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = write(fd, data + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(err, STATUS_IO, "cannot write %s: %s", path, strerror(errno));
        done += (size_t)n;
    }
    if (fsync(fd) != 0 && errno != EINVAL && errno != EROFS)
        return fail(err, STATUS_IO, "cannot write %s: %s", path, strerror(errno));
    return STATUS_OK;
}

/* A device, a pipe: what is there stays what it is. */
static enum status write_through(const char *path, const char *data, size_t size, struct error *err)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return fail(err, STATUS_IO, "cannot write %s: %s", path, strerror(errno));
    enum status status = write_fully(fd, data, size, path, err);
    if (close(fd) != 0 && !status)
        status = fail(err, STATUS_IO, "cannot write %s: %s", path, strerror(errno));
    return status;
}

enum status file_write(const char *path, const char *data, size_t size, struct error *err)
{
    char temporary[4096], target[PATH_MAX];
    struct stat info;
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode))
        return write_through(path, data, size, err);
    if (realpath(path, target)) /* a link stays a link */
        path = target;
    int length = snprintf(temporary, sizeof temporary, "%s.tmp", path);
    if (length < 0 || (size_t)length >= sizeof temporary)
        return fail(err, STATUS_IO, "cannot write %s: the path is too long", path);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return fail(err, STATUS_IO, "cannot write %s: %s", path, strerror(errno));
    enum status status = write_fully(fd, data, size, path, err);
    if (close(fd) != 0 && !status)
        status = fail(err, STATUS_IO, "cannot write %s: %s", path, strerror(errno));
    if (!status && rename(temporary, path) != 0)
        status = fail(err, STATUS_IO, "cannot write %s: %s", path, strerror(errno));
    if (status)
        unlink(temporary);
    return status;
}

enum status directory_create(const char *path, struct error *err)
{
    char partial[4096];
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof partial)
        return fail(err, STATUS_IO, "cannot create the directory '%s': bad path length", path);
    memcpy(partial, path, length + 1);
    for (size_t i = 1; i <= length; i++) {
        if (partial[i] != '/' && partial[i] != '\0')
            continue;
        char saved = partial[i];
        partial[i] = '\0';
        if (mkdir(partial, 0777) != 0 && errno != EEXIST)
            return fail(err, STATUS_IO, "cannot create the directory %s: %s", partial,
                        strerror(errno));
        partial[i] = saved;
    }
    if (!directory_exists(path))
        return fail(err, STATUS_IO, "cannot create the directory %s: a file is in the way", path);
    return STATUS_OK;
}

bool file_exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

bool directory_exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

char *path_join(struct arena *arena, const char *directory, const char *name)
{
    if (name[0] == '/' || strcmp(directory, ".") == 0 || directory[0] == '\0')
        return arena_string(arena, name);
    size_t length = strlen(directory);
    return arena_printf(arena, "%s%s%s", directory, directory[length - 1] == '/' ? "" : "/", name);
}

char *path_directory(struct arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return arena_string(arena, ".");
    return arena_copy(arena, path, slash == path ? 1 : (size_t)(slash - path));
}

const char *path_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}
