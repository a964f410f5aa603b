/* engine/formats/pytorch_zip.h - the ZIP container of torch.save: stored members, ZIP64.
 *
 * Follows PKWARE's APPNOTE.TXT 6.3.10, sections 4.3.7 (local header), 4.3.12 (central directory),
 * 4.3.14-4.3.16 (end records) and 4.5.3 (ZIP64 extra field). */
#ifndef MAMBENCH_ENGINE_FORMATS_PYTORCH_ZIP_H
#define MAMBENCH_ENGINE_FORMATS_PYTORCH_ZIP_H

#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "engine/base/file.h"
#include "engine/base/string_map.h"

#include <stddef.h>
#include <stdint.h>

struct zip_member {
    const char *name;
    const unsigned char *data; /* in the mapping */
    size_t size_bytes;
    uint32_t crc32; /* as stored; nobody has compared it */
};

struct zip_archive {
    struct zip_member *members; /* in directory order; at least one */
    size_t n_members;
    struct string_map by_name;
};

/* Lists the members of the mapped file; path names it in errors.  The arena owns what is made.
 * Errors: BAD_FORMAT (damaged or truncated), UNSUPPORTED (compressed, encrypted, split),
 * NO_MEMORY. */
enum status zip_list(struct zip_archive *zip, const struct file_map *map, const char *path,
                     struct arena *arena, struct error *err);

/* The member called name, or NULL. */
const struct zip_member *zip_find(const struct zip_archive *zip, const char *name);

/* The checksum of APPNOTE.TXT 4.4.7: polynomial 0xEDB88320, reflected. */
uint32_t zip_crc32(const unsigned char *data, size_t size);

#endif
