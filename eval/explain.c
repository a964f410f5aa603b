#include "eval/explain.h"

const struct explain_words explain_words[EXPLAIN_N] = {
    [EXPLAIN_PROMPT] = {"prompt", "the prompts", "whose prompts differ"},
    [EXPLAIN_PIXELS] = {"pixels", "the pixels that the towers get",
                        "whose pixels are the first to differ"},
    [EXPLAIN_IDS] = {"ids", "the token ids of the same prompt",
                     "whose token ids are the first to differ"},
    [EXPLAIN_LOGITS] = {"logits", "the logits, with the same input",
                        "whose logits are the first to differ"},
    [EXPLAIN_ANSWER] = {"answer", "the answers", "whose answers are the first to differ"},
    [EXPLAIN_PARSE] = {"parse", "what the scorer reads out of the same answers",
                       "whose answers are the same and are read differently"},
    [EXPLAIN_SCORER] = {"scorer", "what the same answers earn",
                        "whose answers are read the same and counted differently"},
    [EXPLAIN_SAME] = {"none", "nothing", "that do not differ"},
};

double explain_points(int64_t units, size_t n_samples)
{
    return 100 * (double)units / (double)EXPLAIN_CREDIT / (double)n_samples;
}

static enum status no_memory(struct error *err)
{
    return fail(err, STATUS_NO_MEMORY, "out of memory while explaining runs");
}

static enum status open_sides(struct explanation_list *list, const char *const *operands,
                              struct error *err)
{
    for (size_t i = 0; i < 2; i++) {
        enum status status = run_list_open(&list->sides[i], &operands[i], 1, true, err);
        if (status)
            return status;
        list->n_sides = i + 1;
    }
    return run_list_check_pair(&list->sides[0], &list->sides[1], err);
}

/* Lists what will be explained, and what will not. */
static enum status plan(struct explanation_list *list, const char *const *operands,
                        struct error *err)
{
    size_t most = list->sides[0].n + list->sides[1].n;
    list->items = arena_alloc_small(&list->arena, most, sizeof *list->items);
    list->left_out = arena_alloc_small(&list->arena, most, sizeof *list->left_out);
    if (arena_failed(&list->arena))
        return no_memory(err);
    for (size_t side = 0; side < 2; side++)
        for (size_t i = 0; i < list->sides[side].n; i++) {
            const struct run_record *run = &list->sides[side].records[i];
            const struct run_record *other = run_list_find(&list->sides[1 - side], run->protocol);
            if (!other)
                list->left_out[list->n_left_out++] =
                    arena_printf(&list->arena, "%s is in %s and not in %s", run->protocol,
                                 operands[side], operands[1 - side]);
            else if (side == 0)
                list->items[list->n++] = (struct explanation){.runs = {run, other}};
        }
    if (arena_failed(&list->arena))
        return no_memory(err);
    return list->n > 0 ? STATUS_OK
                       : fail(err, STATUS_MISMATCH, "nothing to explain: %s", list->left_out[0]);
}

static enum status explain_opened(struct explanation_list *list, struct explanation *item,
                                  const struct run_answers *first, const struct run_answers *second,
                                  const struct explain_options *options, struct error *err)
{
    enum status status = explain_pair(item, first, second, options, &list->arena, err);
    if (!status)
        status = explain_settings(item, first->manifest, second->manifest, &list->arena, err);
    if (!status)
        status = explain_conclude(item, &list->arena, err);
    return status;
}

static enum status explain_item(struct explanation_list *list, struct explanation *item,
                                const struct explain_options *options, struct error *err)
{
    struct run_answers first, second;
    enum status status = run_answers_open(&first, item->runs[0]->path, options->data, err);
    if (status)
        return status;
    status = run_answers_open(&second, item->runs[1]->path, options->data, err);
    if (!status) {
        status = explain_opened(list, item, &first, &second, options, err);
        run_answers_close(&second);
    }
    run_answers_close(&first);
    return status;
}

enum status explanation_list_open(struct explanation_list *list, const char *const *operands,
                                  size_t n, const struct explain_options *options,
                                  struct error *err)
{
    *list = (struct explanation_list){0};
    arena_init(&list->arena);
    enum status status = STATUS_OK;
    if (n != 2)
        status = fail(err, STATUS_USAGE,
                      "two runs are expected, the one that the other is held against first");
    if (!status)
        status = open_sides(list, operands, err);
    if (!status)
        status = plan(list, operands, err);
    for (size_t i = 0; !status && i < list->n; i++)
        status = explain_item(list, &list->items[i], options, err);
    if (!status && arena_failed(&list->arena))
        status = no_memory(err);
    if (status)
        explanation_list_close(list);
    return status;
}

void explanation_list_close(struct explanation_list *list)
{
    for (size_t i = 0; i < list->n_sides; i++)
        run_list_close(&list->sides[i]);
    arena_release(&list->arena);
    *list = (struct explanation_list){0};
}
