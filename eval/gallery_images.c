/* eval/gallery_images.c - the page's pictures: files named from where the page lies, or previews.
 */
#include "engine/image/image.h"
#include "eval/run_gallery.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PREVIEW_QUALITY = 82 };

/* "../../data/x.png": how to get from a folder to a file, both absolute and resolved. */
static const char *path_between(const char *from, const char *to, struct arena *arena)
{
    size_t same = 0, at = 0;
    for (; from[at] && from[at] == to[at]; at++)
        if (from[at] == '/')
            same = at;
    if (!from[at] && to[at] == '/')
        same = at;
    struct text path;
    text_init(&path);
    for (const char *rest = from + same; *rest; rest++)
        if (*rest == '/' && rest[1])
            text_add(&path, "../");
    text_add(&path, to + same + (to[same] == '/'));
    const char *result = path.failed ? NULL : arena_string(arena, text_string(&path));
    arena->failed = arena->failed || path.failed;
    text_release(&path);
    return result;
}

static enum status make_preview(struct gallery_image *image, struct arena *arena, struct error *err)
{
    struct image whole, small;
    unsigned char *bytes;
    enum status status = image_read(&whole, image->path, NULL, err);
    if (status)
        return status;
    int longer = whole.width > whole.height ? whole.width : whole.height;
    double scale = longer > PREVIEW_SIDE ? (double)PREVIEW_SIDE / longer : 1;
    int width = (int)(whole.width * scale + 0.5), height = (int)(whole.height * scale + 0.5);
    status = image_resize(&whole, width > 0 ? width : 1, height > 0 ? height : 1, &small, err);
    image_release(&whole);
    if (status)
        return status;
    status = image_encode_jpeg(&small, PREVIEW_QUALITY, &bytes, &image->preview_bytes, err);
    image_release(&small);
    if (status)
        return status;
    image->preview = arena_copy(arena, (const char *)bytes, image->preview_bytes);
    free(bytes);
    return image->preview ? STATUS_OK
                          : fail(err, STATUS_NO_MEMORY, "out of memory while making previews");
}

/* Why the picture cannot be shown goes to reason. */
static enum status find_image(struct gallery_image *image, const char *folder, bool has_previews,
                              struct arena *arena, struct error *reason)
{
    char *resolved = realpath(image->path, NULL);
    if (!resolved)
        return fail(reason, STATUS_NOT_FOUND, "%s: %s", image->path, strerror(errno));
    enum status status = has_previews ? make_preview(image, arena, reason) : STATUS_OK;
    if (!status && !has_previews)
        image->path = path_between(folder, resolved, arena);
    free(resolved);
    if (!status && arena_failed(arena))
        status = fail(reason, STATUS_NO_MEMORY, "out of memory while naming pictures");
    return status;
}

enum status gallery_images_find(struct gallery_image *images, size_t n,
                                const struct run_gallery_options *options, struct text *notes,
                                bool *is_incomplete, struct arena *arena, struct error *err)
{
    struct error first = {""};
    size_t n_known = 0, n_missing = 0;
    char *folder = realpath(options->directory, NULL);
    if (!folder)
        return fail(err, STATUS_NOT_FOUND, "%s: %s", options->directory, strerror(errno));
    enum status status = STATUS_OK;
    for (size_t i = 0; i < n && status != STATUS_NO_MEMORY; i++) {
        struct error reason = {""};
        if (!images[i].path)
            continue;
        n_known++;
        status = find_image(&images[i], folder, options->has_previews, arena, &reason);
        if (!status)
            continue;
        if (n_missing++ == 0 || status == STATUS_NO_MEMORY)
            first = reason;
        images[i].path = NULL;
    }
    free(folder);
    if (status == STATUS_NO_MEMORY)
        return fail(err, status, "%s", first.text);
    *is_incomplete = *is_incomplete || n_missing > 0;
    if (n_missing > 0)
        text_addf(notes, "%zu of %zu pictures cannot be shown: %s%s\n", n_missing, n_known,
                  first.text, n_missing > 1 ? ", and so on" : "");
    return STATUS_OK;
}
