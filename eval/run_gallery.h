/* eval/run_gallery.h - finished runs read back for the page: samples, answers, pictures. */
#ifndef MAMBENCH_EVAL_RUN_GALLERY_H
#define MAMBENCH_EVAL_RUN_GALLERY_H

#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "engine/base/text.h"
#include "eval/run_list.h"
#include "reports/gallery.h"

#include <stdbool.h>
#include <stddef.h>

enum { PREVIEW_SIDE = 256 }; /* pixels of a preview's longer side at most */

struct run_gallery_options {
    size_t most_samples;   /* of a protocol */
    bool has_previews;     /* pictures are inside the page, small */
    const char *directory; /* where the page will lie: pictures are named from there */
};

/* What run_gallery_open() makes; everything belongs to it. */
struct run_gallery {
    struct gallery gallery;
    struct text *notes; /* borrowed: what is missing, a sentence a line */
    bool is_incomplete; /* some annotation files or pictures are not there */
    struct arena arena;
};

/* Runs of one protocol become one task: a sample is the same where id, question, picture and
 * references are.  Files that are gone, or are others than the run's, are told in notes; then the
 * answers are shown without their questions.  The caller closes *made.  Errors: NO_MEMORY, a log
 * that cannot be read (BAD_FORMAT), a directory that is not there (NOT_FOUND). */
enum status run_gallery_open(struct run_gallery *made, const struct run_list *list,
                             const struct run_gallery_options *options, struct text *notes,
                             struct error *err);
void run_gallery_close(struct run_gallery *made);

/* Fills in path or preview of n pictures, whose path is where the benchmark has them; NULL stays.
 * Strings and bytes go to arena. */
enum status gallery_images_find(struct gallery_image *images, size_t n,
                                const struct run_gallery_options *options, struct text *notes,
                                bool *is_incomplete, struct arena *arena, struct error *err);

#endif
