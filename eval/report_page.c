#include "eval/report_page.h"

#include "engine/base/file.h"
#include "eval/output.h"
#include "eval/report_figures.h"
#include "eval/run_gallery.h"

#include <string.h>

enum exit_code report_page_check(const struct options *options, const struct report_format *format,
                                 struct error *err)
{
    static const char *const names[] = {"samples", "thumbnails", "figures"};
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

enum exit_code report_page_add(const struct options *options, const struct report_format *format,
                               const struct run_list *list, struct text *out, struct error *err)
{
    struct arena arena;
    struct text notes;
    struct run_gallery made;
    struct figure_list figures = {0};
    arena_init(&arena);
    text_init(&notes);
    const char *file = option_text(options, "out");
    struct run_gallery_options how = {.most_samples = option_count(options, "samples"),
                                      .has_previews = option_flag(options, "thumbnails"),
                                      .directory = file ? path_directory(&arena, file) : "."};
    enum status status = how.directory ? find_figures(&figures, options, list, &arena, err)
                                       : fail(err, STATUS_NO_MEMORY, "out of memory");
    if (!status)
        status = run_gallery_open(&made, list, &how, &notes, err);
    enum exit_code code = exit_of_status(status);
    if (!status) {
        tell(text_string(&notes));
        for (size_t i = 0; i < list->n_unfinished; i++)
            text_addf(&notes, "%s\n", list->unfinished[i] ? list->unfinished[i] : "");
        struct report_page page = {&made.gallery, figures.figures, figures.n, text_string(&notes)};
        format->add_page(list->records, list->n, &page, out);
        out->failed = out->failed || notes.failed;
        code = made.is_incomplete ? EXIT_DATA : EXIT_DONE;
        run_gallery_close(&made);
    }
    text_release(&notes);
    arena_release(&arena);
    return code;
}
