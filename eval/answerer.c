#include "eval/answerer.h"

#include <string.h>

/* The first whose prefix fits. */
static const struct answerer_kind *const answerer_kinds[] = {
    &answerer_baseline,
    &answerer_engine,
};

static const struct answerer_kind *find_kind(const char *model)
{
    size_t i = 0;
    while (strncmp(model, answerer_kinds[i]->prefix, strlen(answerer_kinds[i]->prefix)) != 0)
        i++;
    return answerer_kinds[i];
}

enum status answerer_check(const struct answerer_options *options, struct error *err)
{
    return find_kind(options->model)->check(options, err);
}

enum status answerer_open(struct answerer *answerer, const struct answerer_options *options,
                          struct error *err)
{
    *answerer = (struct answerer){.kind = find_kind(options->model), .options = *options};
    return answerer->kind->open(answerer, err);
}

const struct engine *answerer_model(const struct answerer *answerer)
{
    return answerer->kind->model ? answerer->kind->model(answerer) : NULL;
}

void answerer_close(struct answerer *answerer)
{
    if (answerer->kind)
        answerer->kind->close(answerer);
    *answerer = (struct answerer){0};
}
