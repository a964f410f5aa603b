/* datasets/build.h - what the loaders share: filling a struct dataset. */
#ifndef MAMBENCH_DATASETS_BUILD_H
#define MAMBENCH_DATASETS_BUILD_H

#include "datasets/dataset.h"
#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/base/sha256.h"
#include "engine/base/string_map.h"

#include <stdbool.h>
#include <stddef.h>

/* Strings that are there once however often they are read: answers, questions, types. */
struct string_pool {
    struct string_map map; /* its memory lives as long as the pool */
    struct arena *strings; /* the set's: outlives the pool */
    struct arena scratch;
};

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

void string_pool_init(struct string_pool *pool, struct arena *strings);
void string_pool_release(struct string_pool *pool);

/* The pool's copy of text; NULL without memory. */
const char *string_pool_add(struct string_pool *pool, const char *text);

/* Gives sample the ten answers of a record: strings, or objects with a string "answer".  place
 * names the record.  Errors: BAD_FORMAT (another number, something not a string), NO_MEMORY. */
enum { DATASET_ANNOTATORS = 10 };
enum status dataset_set_ten_answers(struct dataset *set, struct sample *sample, const cJSON *list,
                                    struct string_pool *pool, const char *place, struct error *err);

/* Reads the array of a large file (member: its name in the object; NULL: the file is the array),
 * each record with add(), which is given context and the place for errors, and appends the file.
 * Errors: BAD_FORMAT (an empty array, too), those of records_open_array() and of add(). */
typedef enum status dataset_add_record(void *context, const cJSON *record, const char *place,
                                       struct error *err);
enum status dataset_read_records(struct dataset *set, const char *path, const char *member,
                                 dataset_add_record *add, void *context, struct error *err);

/* The file called name in directory or in one of the NULL-terminated folders in it, as a path in
 * the set's arena.  Errors: NOT_FOUND, NO_MEMORY. */
enum status dataset_find_file(struct dataset *set, const char *directory, const char *name,
                              const char *const *folders, const char **out, struct error *err);

/* Notes a number of questions or pictures that is not the official one. */
void dataset_note_count(struct dataset *set, const char *file, const char *what, size_t n,
                        size_t official);
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
