#include "datasets/dataset.h"

#include "datasets/build.h"
#include "engine/base/file.h"
#include "engine/base/string_map.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

const struct dataset_kind *dataset_kind_find(const char *name)
{
    for (size_t i = 0; dataset_kinds[i]; i++)
        if (strcmp(dataset_kinds[i]->name, name) == 0)
            return dataset_kinds[i];
    return NULL;
}

static enum status choose_variant(const struct dataset_kind *kind, const char *variant,
                                  const char **out, struct error *err)
{
    char known[256] = "";
    for (size_t i = 0; kind->variants[i]; i++) {
        if (!variant || strcmp(kind->variants[i], variant) == 0) {
            *out = kind->variants[i];
            return STATUS_OK;
        }
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", kind->variants[i]);
    }
    return fail(err, STATUS_NOT_FOUND, "%s has no variant '%s'; there is: %s", kind->title, variant,
                known);
}

/* What the folder says of itself: the first line of a file NOTE, "synthetic: ..." for instance. */
static enum status read_note(struct dataset *set, const char *directory, struct error *err)
{
    const char *path = path_join(&set->arena, directory, "NOTE");
    char *text;
    if (!path || !file_exists(path))
        return path ? STATUS_OK : fail(err, STATUS_NO_MEMORY, "out of memory");
    enum status status = file_read(path, &set->arena, &text, NULL, err);
    if (status)
        return status;
    text[strcspn(text, "\r\n")] = '\0';
    if (text[0])
        dataset_add_note(set, "%s", text);
    return STATUS_OK;
}

enum status dataset_open(struct dataset *set, const struct dataset_kind *kind, const char *variant,
                         const char *directory, struct error *err)
{
    *set = (struct dataset){.kind = kind};
    arena_init(&set->arena);
    enum status status = choose_variant(kind, variant, &set->variant, err);
    if (!status && !directory_exists(directory))
        status = fail(err, STATUS_NOT_FOUND, "%s: no such folder; %s is read from a folder with %s",
                      directory, kind->title, kind->expects);
    if (!status)
        status = read_note(set, directory, err);
    if (!status)
        status = kind->load(set, directory, err);
    if (!status)
        status = dataset_finish(set, err);
    if (status)
        dataset_close(set);
    return status;
}

void dataset_close(struct dataset *set)
{
    arena_release(&set->arena);
    *set = (struct dataset){0};
}

const void *dataset_facts(const struct dataset *set, size_t sample, const char *kind)
{
    return strcmp(set->kind->name, kind) == 0 ? set->samples[sample].facts : NULL;
}

/* Counts distinct image names among the samples.  An image seen before is told by its pointer
 * into a map; without memory the old count stays. */
static bool count_images(struct dataset *set)
{
    struct arena scratch;
    arena_init(&scratch);
    struct string_map seen;
    string_map_init(&seen, &scratch);
    for (size_t i = 0; i < set->n_samples; i++) {
        const char *name = set->samples[i].image_name;
        string_map_add(&seen, name, strlen(name), 1, NULL);
    }
    bool ok = !arena_failed(&scratch);
    if (ok)
        set->n_images = seen.count;
    arena_release(&scratch);
    return ok;
}

void dataset_select(struct dataset *set, const size_t *indices, size_t n)
{
    struct sample *kept = arena_alloc(&set->arena, n ? n : 1, sizeof *kept);
    if (!kept)
        return;
    for (size_t i = 0; i < n; i++) {
        assert(indices[i] < set->n_samples);
        kept[i] = set->samples[indices[i]];
    }
    set->samples = kept;
    set->n_samples = n;
    if (!count_images(set))
        set->arena.failed = true;
}

struct sample *dataset_add_sample(struct dataset *set)
{
    enum { FIRST = 16 };
    size_t n = set->n_samples;
    bool is_full = n == 0 || (n >= FIRST && (n & (n - 1)) == 0);
    if (is_full) {
        size_t capacity = n ? 2 * n : FIRST;
        struct sample *more = arena_alloc(&set->arena, capacity, sizeof *more);
        if (!more)
            return NULL;
        if (n > 0)
            memcpy(more, set->samples, n * sizeof *more);
        set->samples = more;
    }
    set->n_samples += 1;
    return &set->samples[n];
}

void dataset_add_file(struct dataset *set, const char *path, const struct sha256_text *sha256,
                      size_t n_samples)
{
    struct dataset_file *files = arena_alloc(&set->arena, set->n_files + 1, sizeof *files);
    if (!files)
        return;
    if (set->n_files > 0)
        memcpy(files, set->files, set->n_files * sizeof *files);
    files[set->n_files] = (struct dataset_file){
        .path = arena_string(&set->arena, path), .sha256 = *sha256, .n_samples = n_samples};
    set->files = files;
    set->n_files += 1;
}

void dataset_set_answer(struct dataset *set, struct sample *sample, const char *answer)
{
    const char **answers = arena_alloc_small(&set->arena, 1, sizeof *answers);
    if (!answers)
        return;
    answers[0] = arena_string(&set->arena, answer);
    sample->answers = answers;
    sample->n_answers = 1;
}

void dataset_add_note(struct dataset *set, const char *format, ...)
{
    char sentence[512];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    set->note = set->note ? arena_printf(&set->arena, "%s; %s", set->note, sentence)
                          : arena_string(&set->arena, sentence);
}

enum status dataset_check_image(const char *name, const char *place, struct error *err)
{
    if (!name[0])
        return fail(err, STATUS_BAD_FORMAT, "%s: \"image\" is empty", place);
    bool leaves = name[0] == '/';
    for (const char *part = name; *part; part += strspn(part, "/")) {
        size_t length = strcspn(part, "/");
        leaves |= length == 2 && part[0] == '.' && part[1] == '.';
        part += length;
    }
    if (leaves)
        return fail(err, STATUS_BAD_FORMAT,
                    "%s: the picture '%.120s' does not lie in the folder of the pictures", place,
                    name);
    return STATUS_OK;
}

const char *dataset_find_path(struct arena *arena, const char *directory,
                              const char *const *candidates, bool is_directory)
{
    for (size_t i = 0; candidates[i]; i++) {
        const char *path = path_join(arena, directory, candidates[i]);
        if (!path)
            return NULL;
        if (is_directory ? directory_exists(path) : file_exists(path))
            return path;
    }
    return NULL;
}

/* Whose sample it is: the file, and the place among the file's samples, from 1. */
static const char *file_of(const struct dataset *set, size_t sample, size_t *number)
{
    size_t first = 0;
    for (size_t i = 0; i < set->n_files; i++) {
        *number = sample - first + 1;
        if (sample < first + set->files[i].n_samples)
            return set->files[i].path;
        first += set->files[i].n_samples;
    }
    *number = sample + 1;
    return set->kind->title;
}

static enum status refuse_twice(const struct dataset *set, size_t first, size_t second,
                                struct error *err)
{
    size_t one, two;
    const char *file = file_of(set, first, &one), *other = file_of(set, second, &two);
    if (strcmp(file, other) == 0)
        return fail(err, STATUS_BAD_FORMAT,
                    "%s: the question %s is there twice, as number %zu and as number %zu", file,
                    set->samples[second].id, one, two);
    return fail(err, STATUS_BAD_FORMAT, "%s: number %zu is the question %s, as is number %zu of %s",
                other, two, set->samples[second].id, one, file);
}

enum status dataset_finish(struct dataset *set, struct error *err)
{
    if (arena_failed(&set->arena))
        return fail(err, STATUS_NO_MEMORY, "out of memory while reading %s", set->kind->title);
    if (set->n_samples == 0)
        return fail(err, STATUS_BAD_FORMAT, "%s: %s holds no question", set->kind->title,
                    set->n_files ? set->files[0].path : "the folder");
    struct arena scratch;
    arena_init(&scratch);
    struct string_map ids;
    string_map_init(&ids, &scratch);
    enum status status = STATUS_OK;
    for (size_t i = 0; i < set->n_samples && !status; i++) {
        const char *id = set->samples[i].id;
        int64_t first = 0;
        if (!string_map_add(&ids, id, strlen(id), (int64_t)i, &first) && !arena_failed(&scratch))
            status = refuse_twice(set, (size_t)first, i, err);
    }
    if (!status && (arena_failed(&scratch) || !count_images(set)))
        status = fail(err, STATUS_NO_MEMORY, "out of memory while reading %s", set->kind->title);
    arena_release(&scratch);
    return status;
}

const char *dataset_count_text(struct arena *arena, size_t n)
{
    char digits[24], text[40];
    int length = snprintf(digits, sizeof digits, "%zu", n);
    size_t used = 0;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            text[used++] = ',';
        text[used++] = digits[i];
    }
    text[used] = '\0';
    return arena_string(arena, text);
}
