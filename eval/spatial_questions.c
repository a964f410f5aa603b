/* eval/spatial_questions.c - captions whose truth follows from the benchmark's, as a VSR folder. */
#include "datasets/vsr.h"
#include "engine/base/file.h"
#include "engine/base/string_map.h"
#include "eval/output.h"
#include "eval/spatial.h"
#include "reports/json_writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct maker {
    const struct dataset *set;
    struct vsr_caption *captions; /* [set->n_samples]; subject NULL where it does not parse */
    struct string_map written;    /* image and caption to label */
    struct text lines;
    size_t n_made[VSR_N_MADE], n_assumed, n_again, n_conflicts, n_unparsed;
    struct arena arena;
};

static enum exit_code no_memory(struct error *err)
{
    fail(err, STATUS_NO_MEMORY, "out of memory while making captions");
    return EXIT_INTERNAL;
}

static void add_line(struct maker *maker, const struct sample *sample, enum vsr_made kind,
                     const char *caption, const char *relation, int label, bool assumed)
{
    struct json_writer writer;
    json_begin_line(&writer, &maker->lines);
    json_open(&writer, NULL, '{');
    json_put_string(&writer, "image", sample->image_name);
    json_put_string(&writer, "caption", caption);
    json_put_count(&writer, "label", (unsigned)label);
    json_put_string(&writer, "relation", relation);
    json_put_string(&writer, "made_from", sample->id);
    json_put_string(&writer, "kind", vsr_made_name(kind));
    json_put_bool(&writer, "label_assumed", assumed);
    json_close(&writer, '}');
    text_add_char(&maker->lines, '\n');
}

/* The caption of one kind, unless the picture has it already. */
static void make(struct maker *maker, size_t i, enum vsr_made kind, bool assumed)
{
    const struct sample *sample = &maker->set->samples[i];
    const char *relation = NULL;
    int truth = vsr_made_truth(kind, strcmp(sample->answers[0], "True") == 0);
    if ((truth < 0) != assumed)
        return;
    const char *caption = vsr_caption_make(&maker->captions[i], kind, &maker->arena, &relation);
    if (!caption)
        return;
    const char *key = arena_printf(&maker->arena, "%s %s", sample->image_name, caption);
    int64_t label = assumed ? 1 : truth, before = label;
    if (!key)
        return;
    if (!string_map_add(&maker->written, key, strlen(key), label, &before)) {
        maker->n_again += 1;
        maker->n_conflicts += !assumed && before != label;
        return;
    }
    add_line(maker, sample, kind, caption, relation, (int)label, assumed);
    maker->n_made[kind] += 1;
    maker->n_assumed += assumed;
}

/* What follows first, so that it stands where the same caption is also assumed. */
static void make_all(struct maker *maker)
{
    size_t n = maker->set->n_samples;
    for (size_t i = 0; i < n && !arena_failed(&maker->arena); i++) {
        const struct sample *sample = &maker->set->samples[i];
        if (!vsr_caption_parse(sample->question, sample->group, &maker->arena,
                               &maker->captions[i])) {
            maker->captions[i].subject = NULL;
            maker->n_unparsed += 1;
        }
    }
    for (int assumed = 0; assumed < 2; assumed++)
        for (size_t i = 0; i < n && !arena_failed(&maker->arena); i++)
            for (enum vsr_made kind = 0; kind < VSR_N_MADE; kind++)
                if (maker->captions[i].subject)
                    make(maker, i, kind, assumed);
}

/* A link to the benchmark's own pictures. */
static enum exit_code link_images(struct maker *maker, const char *directory, struct error *err)
{
    const struct sample *first = &maker->set->samples[0];
    size_t length = strlen(first->image_path) - strlen(first->image_name);
    char *folder = arena_copy(&maker->arena, first->image_path, length);
    const char *link = path_join(&maker->arena, directory, "images");
    if (!folder || !link)
        return no_memory(err);
    char *absolute = realpath(folder, NULL);
    if (!absolute) {
        message("note: there are no pictures in %s; put them, or a link, at %s", folder, link);
        return EXIT_DONE;
    }
    bool made = symlink(absolute, link) == 0 || errno == EEXIST;
    if (!made)
        fail(err, STATUS_IO, "cannot link %s to %s: %s", link, absolute, strerror(errno));
    free(absolute);
    return made ? EXIT_DONE : EXIT_INTERNAL;
}

/* NOTE travels with every score of a run on the folder. */
static enum exit_code write_note(struct maker *maker, const char *directory, struct error *err)
{
    const struct dataset *set = maker->set;
    const char *path = path_join(&maker->arena, directory, "NOTE");
    const char *note =
        arena_printf(&maker->arena,
                     "captions turned by `mambench study spatial` from %zu of VSR's %s; %zu "
                     "labels, of opposites "
                     "of what is false, are only assumed%s%s\n",
                     set->n_samples - maker->n_unparsed, set->variant, maker->n_assumed,
                     set->note ? "; turned from: " : "", set->note ? set->note : "");
    if (!path || !note)
        return no_memory(err);
    return file_write(path, note, strlen(note), err) ? EXIT_INTERNAL : EXIT_DONE;
}

static enum exit_code write_folder(struct maker *maker, const char *directory, struct error *err)
{
    const char *path = path_join(&maker->arena, directory, vsr_file_of(maker->set->variant));
    const char *folder = path ? path_directory(&maker->arena, path) : NULL;
    if (!folder || maker->lines.failed || arena_failed(&maker->arena))
        return no_memory(err);
    if (file_exists(path))
        return exit_of_status(
            fail(err, STATUS_USAGE, "%s is there already: give a folder of its own", path));
    if (maker->lines.length == 0)
        return exit_of_status(fail(err, STATUS_MISMATCH,
                                   "no caption of %s can be turned: none is of the form \"The A is "
                                   "left of the B.\"",
                                   maker->set->files[0].path));
    if (directory_create(folder, err))
        return EXIT_INTERNAL;
    enum exit_code code = link_images(maker, directory, err);
    if (!code)
        code = write_note(maker, directory, err);
    if (!code && file_write(path, text_string(&maker->lines), maker->lines.length, err))
        code = EXIT_INTERNAL;
    return code;
}

static enum exit_code print(const struct maker *maker, const char *directory, struct error *err)
{
    struct text out;
    text_init(&out);
    size_t n = maker->n_made[0] + maker->n_made[1] + maker->n_made[2];
    text_addf(&out, "%zu captions, of which %zu do not parse; %s has %zu made of them:",
              maker->set->n_samples, maker->n_unparsed, directory, n);
    for (enum vsr_made kind = 0; kind < VSR_N_MADE; kind++)
        text_addf(&out, "%s %zu %s", kind ? "," : "", maker->n_made[kind], vsr_made_name(kind));
    text_addf(&out,
              ".\nThe labels of %zu opposites are assumed (of what is false, the opposite need not "
              "be true). %zu came up again\nfrom another caption and stand there once, %zu of them "
              "with another label: the annotations disagree.\n\n"
              "    mambench run --model MODEL --task vsr%s%s@triml --data %s --out RUN\n",
              maker->n_assumed, maker->n_again, maker->n_conflicts,
              strcmp(maker->set->variant, "zeroshot") == 0 ? "" : ":",
              strcmp(maker->set->variant, "zeroshot") == 0 ? "" : maker->set->variant, directory);
    enum status status = output_text(&out, err);
    text_release(&out);
    return status ? EXIT_INTERNAL : EXIT_DONE;
}

enum exit_code spatial_write_questions(const struct dataset *set, const char *directory,
                                       struct error *err)
{
    struct maker maker = {.set = set};
    arena_init(&maker.arena);
    text_init(&maker.lines);
    string_map_init(&maker.written, &maker.arena);
    maker.captions = arena_alloc(&maker.arena, set->n_samples + 1, sizeof *maker.captions);
    enum exit_code code = EXIT_DONE;
    if (maker.captions)
        make_all(&maker);
    code = write_folder(&maker, directory, err);
    if (!code)
        code = print(&maker, directory, err);
    text_release(&maker.lines);
    arena_release(&maker.arena);
    return code;
}
