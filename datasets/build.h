/* datasets/build.h - what the loaders share: filling a struct dataset. */
#ifndef MAMBENCH_DATASETS_BUILD_H
#define MAMBENCH_DATASETS_BUILD_H

#include "datasets/dataset.h"
#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "engine/base/sha256.h"

#include <stdbool.h>
#include <stddef.h>

/* Appends an empty sample; NULL without memory. */
struct sample *dataset_add_sample(struct dataset *set);

/* Appends a file that was read; path is copied. */
void dataset_add_file(struct dataset *set, const char *path, const struct sha256_text *sha256,
                      size_t n_samples);

/* Gives sample one reference answer, copied. */
void dataset_set_answer(struct dataset *set, struct sample *sample, const char *answer);

/* Appends a sentence to the set's note. */
void dataset_add_note(struct dataset *set, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Whether the name that an annotation gives its picture stays in the folder of the pictures: not
 * empty, not absolute, without "..".  Errors: BAD_FORMAT. */
enum status dataset_check_image(const char *name, const char *place, struct error *err);

/* The first of the NULL-terminated candidates, relative to directory, that is a folder or a file,
 * as a path in arena; NULL if there is none (or without memory: the arena tells). */
const char *dataset_find_path(struct arena *arena, const char *directory,
                              const char *const *candidates, bool is_directory);

/* Checks what every loader must deliver: at least one sample, every id once; counts the images.
 * Errors: BAD_FORMAT, NO_MEMORY. */
enum status dataset_finish(struct dataset *set, struct error *err);

/* 3000 as "3,000", in arena. */
const char *dataset_count_text(struct arena *arena, size_t n);

#endif
