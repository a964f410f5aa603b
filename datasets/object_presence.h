/* datasets/object_presence.h - which objects are in which pictures, as annotations tell: how
 * frequent an object is, and which keep company. */
#ifndef MAMBENCH_DATASETS_OBJECT_PRESENCE_H
#define MAMBENCH_DATASETS_OBJECT_PRESENCE_H

#include "datasets/dataset.h"
#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "engine/base/string_map.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What "Is there a NOUN in the image?" asks for; POPE's misprint "imange" is taken, too.  Copied to
 * arena; NULL for another question (or without memory: the arena tells). */
const char *pope_object_of(const char *question, struct arena *arena);

/* Everything belongs to the arena it was read into. */
struct object_presence {
    const char **names; /* [n_objects] in the order they were met */
    size_t n_objects, n_images;
    size_t *n_with;   /* [n_objects] pictures with the object */
    size_t *together; /* [n_objects, n_objects] pictures with both */
    uint64_t *bits;   /* [n_images, n_words] */
    size_t n_words;
    struct string_map objects, images; /* names to numbers */
};

/* From the questions whose label is yes: an object that was not asked for is taken to be absent, so
 * all counts are lower bounds.  Errors: NO_MEMORY. */
enum status object_presence_of_labels(struct object_presence *presence, const struct dataset *set,
                                      struct arena *arena, struct error *err);

/* From a file of COCO's instances ("instances_val2014.json"), read element by element.  Errors:
 * those of records_open_array(), BAD_FORMAT. */
enum status object_presence_of_coco(struct object_presence *presence, const char *path,
                                    struct arena *arena, struct error *err);

/* Numbers by name, or -1. */
int64_t object_presence_find(const struct object_presence *presence, const char *object);
int64_t object_presence_image(const struct object_presence *presence, const char *image);

/* How much an object is to be expected in an image: the largest share, over the other objects that
 * are there, of their pictures that hold it, too; 0..1, NAN where nothing else is there.
 * *companion (may be NULL) is the object of the largest share. */
double object_presence_company(const struct object_presence *presence, size_t image, size_t object,
                               size_t *companion);

#endif
