/* reports/gallery.h - the samples that a page shows, with what each run answered.
 *
 * Filled by who knows where samples come from (eval/run_gallery.h); reports only print it. */
#ifndef MAMBENCH_REPORTS_GALLERY_H
#define MAMBENCH_REPORTS_GALLERY_H

#include "engine/base/text.h"

#include <stddef.h>

/* What one run made of one sample. */
struct gallery_answer {
    const char *text;            /* NULL where there is none */
    const double *probabilities; /* [task's n_choices]; NULL where there are none */
    const char *failure;         /* why there is no answer; NULL if there is one */
    int right;                   /* by the protocol's own rule: 1 or 0; -1: not known */
    double credit;               /* what it adds to the mean, 0..1; NAN: not known */
    int asked;                   /* 0: the run was not asked this, and all else is unset */
};

struct gallery_sample {
    const char *id;
    const char *question;          /* NULL where the benchmark's files are not there any more */
    const char *prompt;            /* the user turn; NULL: the task's message with the question */
    const char *group, *category;  /* NULL if none */
    const char *const *references; /* [n_references] */
    size_t n_references;
    size_t image; /* number in the gallery */
};

/* Samples of one protocol and the runs that were asked them. */
struct gallery_task {
    const char *protocol;
    const char *message; /* "{question}\nAnswer ..." */
    const char *const *choices;
    size_t n_choices;
    struct gallery_sample *samples; /* [n_samples] in the files' order */
    size_t n_samples;
    size_t n_left_out;               /* further ones, beyond the number that was asked for */
    const char **runs;               /* [n_runs] what the page calls them */
    struct gallery_answer **answers; /* [n_runs][n_samples] */
    size_t n_runs;
};

struct gallery_image {
    const char *path;    /* relative to the page; NULL: the file is not there */
    const void *preview; /* a small JPEG instead of the file; NULL: none */
    size_t preview_bytes;
};

struct gallery {
    struct gallery_task *tasks;
    size_t n_tasks;
    struct gallery_image *images;
    size_t n_images;
};

/* Appends the data block of the page: JSON without <, > and &, one sample a line. */
void gallery_add_json(const struct gallery *gallery, struct text *out);

#endif
