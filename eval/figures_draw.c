#include "eval/figures_draw.h"

#include "engine/base/file.h"
#include "eval/figure_input.h"
#include "eval/output.h"

#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Draws directory/name.gp; *is_there: whether there is a gnuplot. */
static enum status draw(const char *directory, const char *script, bool *is_there,
                        struct error *err)
{
    char program[] = "gnuplot";
    char *const arguments[] = {program, (char *)script, NULL};
    posix_spawn_file_actions_t actions;
    pid_t child;
    int state;
    if (posix_spawn_file_actions_init(&actions))
        return fail(err, STATUS_NO_MEMORY, "out of memory while starting gnuplot");
    posix_spawn_file_actions_addchdir_np(&actions, directory);
    int code = posix_spawnp(&child, "gnuplot", &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    *is_there = code != ENOENT;
    if (code == ENOENT)
        return STATUS_OK;
    if (code)
        return fail(err, STATUS_IO, "gnuplot cannot be started: %s", strerror(code));
    while (waitpid(child, &state, 0) < 0)
        if (errno != EINTR)
            return fail(err, STATUS_IO, "waiting for gnuplot: %s", strerror(errno));
    if (WIFEXITED(state) && WEXITSTATUS(state) == 127) { /* a shell's way of not finding it */
        *is_there = false;
        return STATUS_OK;
    }
    if (!WIFEXITED(state) || WEXITSTATUS(state) != 0)
        return fail(err, STATUS_IO, "gnuplot did not draw %s/%s", directory, script);
    return STATUS_OK;
}

static enum status write_text(struct arena *arena, const char *directory, const char *name,
                              const char *ending, const struct text *text, const char **file,
                              struct error *err)
{
    *file = arena_printf(arena, "%s%s", name, ending);
    const char *path = *file ? path_join(arena, directory, *file) : NULL;
    if (!path || text->failed)
        return fail(err, STATUS_NO_MEMORY, "out of memory while writing figures");
    return file_write(path, text_string(text), text->length, err);
}

static enum status write_figure(const struct figure *figure, const struct figure_input *input,
                                const char *directory, bool *has_gnuplot, size_t *n_drawn,
                                struct error *err)
{
    struct figure_output out;
    const char *file;
    figure_make(figure, input, &out);
    enum status status = STATUS_OK;
    if (out.missing && !out.script.failed) {
        message("figure %s: not drawn: %s", figure->name, out.missing);
    } else {
        status = write_text(&out.arena, directory, figure->name, ".csv", &out.data, &file, err);
        if (!status)
            status =
                write_text(&out.arena, directory, figure->name, ".gp", &out.script, &file, err);
        if (!status && *has_gnuplot)
            status = draw(directory, file, has_gnuplot, err);
        *n_drawn += !status;
    }
    figure_release(&out);
    return status;
}

static enum status write_all(const struct figure_input *input, const char *directory,
                             struct error *err)
{
    bool has_gnuplot = true;
    size_t n_drawn = 0;
    enum status status = directory_create(directory, err);
    for (size_t i = 0; !status && figures[i]; i++)
        status = write_figure(figures[i], input, directory, &has_gnuplot, &n_drawn, err);
    if (!status && !has_gnuplot)
        message("gnuplot is not installed (Debian: gnuplot-nox): %s holds CSV and scripts, no "
                "pictures",
                directory);
    if (!status)
        message("%zu figure%s in %s", n_drawn, n_drawn == 1 ? "" : "s", directory);
    return status;
}

/* The table that places systems; what is bold does not matter here. */
static enum status make_table(struct systems_table *table, struct published *published,
                              const struct report_input *input, struct error *err)
{
    enum status status = published_open(published, err);
    const struct systems_input all = {
        .layout = table_layout_find("systems"),
        .runs = input->named,
        .n_runs = input->runs.n,
        .profiles = input->profiles,
        .n_profiles = input->n_profiles,
        .published = published,
    };
    if (status)
        return status;
    status = systems_build(table, &all, err);
    if (status)
        published_close(published);
    return status;
}

enum status figures_draw(const char *directory, const struct report_input *input,
                         const char *history, struct error *err)
{
    struct arena arena;
    struct systems_table table;
    struct published published;
    struct figure_answers *answers = NULL;
    struct figure_moment *moments = NULL;
    size_t n_answers = 0, n_moments = 0;
    enum status status = make_table(&table, &published, input, err);
    if (status)
        return status;
    arena_init(&arena);
    status = figure_answers_read(input, &answers, &n_answers, &arena, err);
    if (!status && history)
        status = figure_moments_read(history, &moments, &n_moments, &arena, err);
    const struct figure_input all = {
        .table = &table,
        .runs = input->named,
        .n_runs = input->runs.n,
        .profiles = input->profiles,
        .n_profiles = input->n_profiles,
        .answers = answers,
        .n_answers = n_answers,
        .moments = moments,
        .n_moments = n_moments,
    };
    if (!status)
        status = write_all(&all, directory, err);
    arena_release(&arena);
    systems_release(&table);
    published_close(&published);
    return status;
}
