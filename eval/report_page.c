#include "eval/report_page.h"

#include "engine/base/file.h"
#include "eval/output.h"
#include "eval/report_figures.h"
#include "eval/run_gallery.h"

#include <string.h>

enum exit_code report_page_check(const struct options *options, const struct report_format *format,
                                 struct error *err)
{
    static const char *const names[] = {"samples", "thumbnails"};
    for (size_t i = 0; i < sizeof names / sizeof names[0] && !format->add_page; i++)
        if (option_given(options, names[i])) {
            fail(err, STATUS_USAGE, "--%s is for --format html", names[i]);
            return EXIT_USAGE;
        }
    return EXIT_DONE;
}

static enum status find_figures(struct figure_list *figures, const struct options *options,
                                const struct run_list *list, struct arena *arena, struct error *err)
{
    const char *folder = option_text(options, "figures");
    enum status status = folder ? figures_add_folder(figures, folder, arena, err) : STATUS_OK;
    for (size_t i = 0; i < list->n && !status; i++)
        status = figures_add_folder(figures, list->directories[i], arena, err);
    return status;
}

/* On standard error, too: a line of the notes each. */
static void tell(const char *notes)
{
    while (*notes) {
        size_t length = strcspn(notes, "\n");
        message("note: %.*s", (int)length, notes);
        notes += length + (notes[length] == '\n');
    }
}

static enum status make_page(const struct options *options, const struct report_format *format,
                             const struct run_list *list, const struct systems_table *systems,
                             const char *directory, struct arena *arena, struct text *notes,
                             bool *is_incomplete, struct text *out, struct error *err)
{
    struct run_gallery made;
    struct figure_list figures = {0};
    struct run_gallery_options how = {.most_samples = option_count(options, "samples"),
                                      .has_previews = option_flag(options, "thumbnails"),
                                      .directory = directory};
    enum status status = find_figures(&figures, options, list, arena, err);
    if (!status)
        status = run_gallery_open(&made, list, &how, notes, err);
    if (status)
        return status;
    tell(text_string(notes));
    for (size_t i = 0; i < list->n_unfinished; i++) /* those were told already */
        text_addf(notes, "%s is left out: it has no scores yet\n", list->unfinished_directories[i]);
    struct report_page page = {&made.gallery, systems, figures.figures, figures.n,
                               text_string(notes)};
    format->add_page(list->records, list->n, &page, out);
    out->failed = out->failed || notes->failed;
    *is_incomplete = made.is_incomplete;
    run_gallery_close(&made);
    return STATUS_OK;
}

enum exit_code report_page_add(const struct options *options, const struct report_format *format,
                               const struct run_list *list, const struct systems_table *systems,
                               struct text *out, struct error *err)
{
    struct arena arena;
    struct text notes;
    bool is_incomplete = false;
    enum exit_code code;
    arena_init(&arena);
    text_init(&notes);
    const char *file = option_text(options, "out");
    const char *directory = file ? path_directory(&arena, file) : ".";
    if (!directory || !directory_exists(directory)) { /* pictures are named from there */
        fail(err, STATUS_IO, "cannot write %s: %s", file,
             directory ? "there is no such folder" : status_text(STATUS_NO_MEMORY));
        code = EXIT_INTERNAL;
    } else {
        code = exit_of_status(make_page(options, format, list, systems, directory, &arena, &notes,
                                        &is_incomplete, out, err));
        if (code == EXIT_DONE && is_incomplete)
            code = EXIT_DATA;
    }
    text_release(&notes);
    arena_release(&arena);
    return code;
}
