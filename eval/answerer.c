#include "eval/answerer.h"

#include <string.h>

/* The first whose prefix fits. */
static const struct answerer_kind *const answerer_kinds[] = {
    &answerer_baseline,
    &answerer_engine,
};

enum status answerer_open(struct answerer *answerer, const struct answerer_options *options,
                          struct error *err)
{
    size_t i = 0;
    while (strncmp(options->model, answerer_kinds[i]->prefix, strlen(answerer_kinds[i]->prefix)) !=
           0)
        i++;
    *answerer = (struct answerer){.kind = answerer_kinds[i], .options = *options};
    return answerer->kind->open(answerer, err);
}

void answerer_close(struct answerer *answerer)
{
    if (answerer->kind)
        answerer->kind->close(answerer);
    *answerer = (struct answerer){0};
}
