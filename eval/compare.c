#include "eval/compare.h"

#include "metrics/holm.h"

const char *verdict_name(enum verdict verdict)
{
    static const char *const names[] = {[VERDICT_INCONCLUSIVE] = "inconclusive",
                                        [VERDICT_BETTER] = "better",
                                        [VERDICT_WORSE] = "worse"};
    return names[verdict];
}

static enum status no_memory(struct error *err)
{
    return fail(err, STATUS_NO_MEMORY, "out of memory while comparing runs");
}

/* A run may be named once. */
static enum status check_distinct(const struct comparison_list *list, size_t side,
                                  struct error *err)
{
    enum status status = STATUS_OK;
    for (size_t s = 0; s < side && !status; s++)
        status = run_list_check_pair(&list->sides[s], &list->sides[side], err);
    return status;
}

/* The runs of an operand; none where it has only a profile. */
static enum status open_side(struct run_list *side, const char *operand, struct error *err)
{
    struct error reason = {""};
    enum status status = run_list_open(side, &operand, 1, true, &reason);
    if (status == STATUS_NOT_FOUND && speed_has_profile(operand)) {
        *side = (struct run_list){0};
        return STATUS_OK;
    }
    return status ? fail(err, status, "%s", reason.text) : STATUS_OK;
}

static enum status open_sides(struct comparison_list *list, const char *const *operands, size_t n,
                              struct error *err)
{
    enum status status = STATUS_OK;
    list->sides = arena_alloc_small(&list->arena, n, sizeof *list->sides);
    if (!list->sides)
        return no_memory(err);
    for (size_t i = 0; i < n && !status; i++) {
        status = open_side(&list->sides[i], operands[i], err);
        if (status)
            break;
        list->n_sides = i + 1;
        status = check_distinct(list, i, err);
    }
    return status;
}

static void leave_out(struct comparison_list *list, const char *protocol, size_t has, size_t lacks,
                      const char *const *operands)
{
    list->left_out[list->n_left_out++] = arena_printf(&list->arena, "%s is in %s and not in %s",
                                                      protocol, operands[has], operands[lacks]);
}

/* Lists what will be compared, and what will not. */
static enum status plan(struct comparison_list *list, const char *const *operands,
                        struct error *err)
{
    const struct run_list *base = &list->sides[0];
    size_t most = base->n * (list->n_sides - 1), most_left_out = most;
    for (size_t s = 1; s < list->n_sides; s++)
        most_left_out += list->sides[s].n;
    list->items = arena_alloc_small(&list->arena, most + 1, sizeof *list->items);
    list->left_out = arena_alloc_small(&list->arena, most_left_out + 1, sizeof *list->left_out);
    if (arena_failed(&list->arena))
        return no_memory(err);
    for (size_t i = 0; i < base->n; i++)
        for (size_t s = 1; s < list->n_sides; s++) {
            const struct run_record *run = &base->records[i];
            const struct run_record *other = run_list_find(&list->sides[s], run->protocol);
            if (!other) {
                leave_out(list, run->protocol, 0, s, operands);
                continue;
            }
            list->items[list->n++] = (struct comparison){.runs = {run, other}, .side = s};
        }
    for (size_t s = 1; s < list->n_sides; s++)
        for (size_t i = 0; i < list->sides[s].n; i++)
            if (!run_list_find(base, list->sides[s].records[i].protocol))
                leave_out(list, list->sides[s].records[i].protocol, s, 0, operands);
    if (list->n > 0 || list->speed.n > 0)
        return STATUS_OK;
    return fail(err, STATUS_MISMATCH, "nothing to compare: %s",
                list->n_left_out > 0 ? list->left_out[0]
                                     : "the profiles have no configuration in common");
}

static enum status compare_item(struct comparison_list *list, struct comparison *item,
                                const struct run_answers *first,
                                const struct compare_options *options, struct error *err)
{
    struct run_answers second;
    enum status status = run_answers_open(&second, item->runs[1]->path, options->pairing.data, err);
    if (status)
        return status;
    status = compare_pair(item, first, &second, options, &list->arena, err);
    run_answers_close(&second);
    return status;
}

/* The first run of a protocol is read once for all others. */
static enum status compare_all(struct comparison_list *list, const struct compare_options *options,
                               struct error *err)
{
    struct run_answers first;
    const struct run_record *open = NULL;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < list->n && !status; i++) {
        struct comparison *item = &list->items[i];
        if (open != item->runs[0]) {
            if (open)
                run_answers_close(&first);
            open = NULL;
            status = run_answers_open(&first, item->runs[0]->path, options->pairing.data, err);
            if (status)
                break;
            open = item->runs[0];
        }
        status = compare_item(list, item, &first, options, err);
    }
    if (open)
        run_answers_close(&first);
    return status;
}

static enum status decide(struct comparison_list *list, struct error *err)
{
    double *p = arena_alloc_small(&list->arena, 2 * list->n + 1, sizeof *p);
    if (!p)
        return no_memory(err);
    for (size_t i = 0; i < list->n; i++)
        p[i] = list->items[i].permutation.p;
    holm_adjust(p, p + list->n, list->n);
    for (size_t i = 0; i < list->n; i++) {
        struct comparison *item = &list->items[i];
        item->p_holm = p[list->n + i];
        if (item->p_holm < COMPARE_LEVEL)
            item->verdict = item->difference.mean > 0 ? VERDICT_BETTER : VERDICT_WORSE;
    }
    return STATUS_OK;
}

enum status comparison_list_open(struct comparison_list *list, const char *const *operands,
                                 size_t n, const struct compare_options *options, struct error *err)
{
    *list = (struct comparison_list){0};
    arena_init(&list->arena);
    list->n_draws = options->n_draws;
    enum status status = STATUS_OK;
    if (n < 2)
        status = fail(err, STATUS_USAGE,
                      "two runs or more are expected, the one that the others "
                      "are held against first");
    if (!status)
        status = open_sides(list, operands, n, err);
    if (!status)
        status = speed_list_open(&list->speed, operands, list->sides, n, options->profile,
                                 options->seed, err);
    if (!status)
        status = plan(list, operands, err);
    if (!status)
        status = compare_all(list, options, err);
    if (!status)
        status = decide(list, err);
    if (!status && arena_failed(&list->arena))
        status = no_memory(err);
    if (status)
        comparison_list_close(list);
    return status;
}

void comparison_list_close(struct comparison_list *list)
{
    for (size_t i = 0; i < list->n_sides; i++)
        run_list_close(&list->sides[i]);
    speed_list_close(&list->speed);
    arena_release(&list->arena);
    *list = (struct comparison_list){0};
}
