#include "eval/compare_speed.h"

#include "engine/base/file.h"
#include "metrics/bootstrap.h"
#include "metrics/latency.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_DEPTH = 2, MOST_FILES = 64, RESAMPLES = 4000 };

/* The profiles of one operand. */
struct profiles {
    const char *paths[MOST_FILES];
    struct profile_times_list lists[MOST_FILES];
    size_t n;
};

static enum status no_memory(struct error *err)
{
    return fail(err, STATUS_NO_MEMORY, "out of memory while comparing latencies");
}

/* A folder's own profile, then those of its folders: a suite has one per scenario. */
static void find_profiles(struct profiles *found, const char *folder, int depth,
                          struct arena *arena)
{
    struct dirent **names = NULL;
    const char *own = path_join(arena, folder, "profile.json");
    if (own && file_exists(own) && found->n < MOST_FILES)
        found->paths[found->n++] = own;
    int n = depth > 0 ? scandir(folder, &names, NULL, alphasort) : 0;
    for (int i = 0; i < n; i++) {
        const char *child = path_join(arena, folder, names[i]->d_name);
        bool hidden = names[i]->d_name[0] == '.' || strcmp(names[i]->d_name, "shards") == 0;
        if (!hidden && child && directory_exists(child))
            find_profiles(found, child, depth - 1, arena);
        free(names[i]);
    }
    free(names);
}

bool speed_has_profile(const char *folder)
{
    struct arena arena;
    struct profiles found = {.n = 0};
    arena_init(&arena);
    find_profiles(&found, folder, MOST_DEPTH, &arena);
    arena_release(&arena);
    return found.n > 0;
}

static enum status read_profiles(struct profiles *profiles, struct arena *arena, struct error *err)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < profiles->n && !status; i++) {
        struct file_map map;
        const char *path = profiles->paths[i];
        status = file_map_open(&map, path, err);
        if (status)
            break;
        status = profile_times_read(&profiles->lists[i], (const char *)map.data, map.size_bytes,
                                    path, arena, err);
        file_map_close(&map);
    }
    return status;
}

static void caution(struct speed_list *list, const char *sentence)
{
    if (sentence && list->n_cautions < list->most_cautions)
        list->cautions[list->n_cautions++] = sentence;
}

/* Whether a row was measured on a model of these runs; without runs or hashes nothing speaks
 * against it. */
static bool is_of(const struct profile_times *row, const struct run_list *side)
{
    bool known = false;
    for (size_t i = 0; i < side->n && row->sha256; i++) {
        const char *hash = side->records[i].model_hash;
        if (hash && strcmp(hash, row->sha256) == 0)
            return true;
        known = known || hash;
    }
    return !known;
}

/* A row on one side, and the profile that has it. */
struct found {
    const struct profile_times *row;
    const struct profile_times_list *list;
    const char *path;
};

/* The rows of a side that the next search starts behind. */
struct search {
    const struct profiles *profiles;
    const struct run_list *side;
    size_t file, row;
};

static bool next_row(struct search *search, struct found *found)
{
    for (; search->file < search->profiles->n; search->file++, search->row = 0) {
        const struct profile_times_list *list = &search->profiles->lists[search->file];
        while (search->row < list->n) {
            const struct profile_times *row = &list->rows[search->row++];
            *found = (struct found){row, list, search->profiles->paths[search->file]};
            if (is_of(row, search->side))
                return true;
        }
    }
    return false;
}

/* The first row of a side with this configuration. */
static bool find_match(const struct profiles *profiles, const struct run_list *side,
                       const struct profile_times *row, struct found *found)
{
    struct search search = {profiles, side, 0, 0};
    while (next_row(&search, found))
        if (profile_times_match(found->row, row))
            return true;
    return false;
}

static bool same_text(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

/* Whether both were measured by one process: a profile may lie in two places. */
static bool is_one_profile(const struct profile_times_list *a, const struct profile_times_list *b)
{
    bool same_seed = !(a->seed < b->seed) && !(a->seed > b->seed);
    return a == b ||
           (same_text(a->measured, b->measured) && same_text(a->command, b->command) && same_seed);
}

/* Times of runs that were next to each other, into first and second; how many there are. */
static size_t pair_runs(const struct speed_pair *pair, double *first, double *second)
{
    const struct profile_times *a = pair->rows[0], *b = pair->rows[1];
    size_t n = 0;
    for (size_t i = 0, j = 0; a->turns && b->turns && i < a->n && j < b->n;) {
        const struct profile_turn *x = &a->turns[i], *y = &b->turns[j];
        int order = x->block != y->block ? x->block - y->block : x->round - y->round;
        if (order == 0) {
            first[n] = a->ns[pair->latency][i];
            second[n++] = b->ns[pair->latency][j];
        }
        i += order <= 0;
        j += order >= 0;
    }
    return n;
}

static enum status compare_latency(struct speed_pair *pair, bool is_one, uint64_t seed,
                                   struct arena *arena, struct error *err)
{
    size_t most = 1;
    for (size_t k = 0; k < 2; k++)
        most = pair->rows[k]->n > most ? pair->rows[k]->n : most;
    double *first = arena_alloc_small(arena, 2 * most, sizeof *first);
    if (!first)
        return no_memory(err);
    for (size_t k = 0; k < 2; k++) {
        pair->n[k] = pair->rows[k]->n;
        pair->medians[k] = latency_median(pair->rows[k]->ns[pair->latency], pair->n[k], first);
    }
    size_t n = is_one ? pair_runs(pair, first, first + most) : 0;
    if (n >= 2) {
        pair->n_pairs = n;
        return bootstrap_median_ratio(first, first + most, n, RESAMPLES, seed, &pair->ratio,
                                      &pair->interval, err);
    }
    return bootstrap_median_ratio_apart(pair->rows[0]->ns[pair->latency], pair->n[0],
                                        pair->rows[1]->ns[pair->latency], pair->n[1], RESAMPLES,
                                        seed, &pair->ratio, &pair->interval, err);
}

/* A configuration's latencies. */
static enum status add_pairs(struct speed_list *list, size_t side, const struct found *first,
                             const struct found *second, uint64_t seed, struct error *err)
{
    bool is_one = is_one_profile(first->list, second->list);
    enum status status = STATUS_OK;
    for (int l = 0; l < PROFILE_LATENCIES && !status; l++) {
        if (!first->row->ns[l] || !second->row->ns[l])
            continue;
        struct speed_pair *pair = &list->pairs[list->n++];
        *pair = (struct speed_pair){.side = side,
                                    .rows = {first->row, second->row},
                                    .configuration = profile_times_name(first->row, &list->arena),
                                    .latency = (enum profile_latency)l};
        status = compare_latency(pair, is_one, seed, &list->arena, err);
    }
    return status;
}

static const char *fact_of(const struct profile_times_list *list, const char *name)
{
    for (size_t i = 0; i < list->n_facts; i++)
        if (strcmp(list->facts[i].name, name) == 0)
            return list->facts[i].value;
    return "unknown";
}

/* What a machine is, unlike what it does at the moment. */
static void check_machines(struct speed_list *list, const struct found *first,
                           const struct found *second)
{
    static const char *const names[] = {"cpu",      "cores",     "system",     "host",    "memory",
                                        "governor", "CPU quota", "NUMA nodes", "products"};
    const char *differ = NULL;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *a = fact_of(first->list, names[i]), *b = fact_of(second->list, names[i]);
        if (strcmp(a, b) != 0)
            differ = arena_printf(&list->arena, "%s%s%s (%s; %s)", differ ? differ : "",
                                  differ ? ", " : "", names[i], a, b);
    }
    if (differ)
        caution(list, arena_printf(&list->arena,
                                   "%s and %s were measured on different machines: %s; their "
                                   "latencies say nothing about the models",
                                   first->path, second->path, differ));
}

/* The first side's configurations that another has, too. */
static enum status compare_sides(struct speed_list *list, const struct profiles *profiles,
                                 const struct run_list *sides, size_t side, uint64_t seed,
                                 struct error *err)
{
    struct search search = {&profiles[0], &sides[0], 0, 0};
    struct found first, again, second;
    const struct profile_times_list *told[2] = {NULL, NULL};
    enum status status = STATUS_OK;
    while (!status && next_row(&search, &first)) {
        bool is_first = find_match(&profiles[0], &sides[0], first.row, &again) &&
                        again.row == first.row; /* of one measured twice, the first counts */
        if (!is_first || !find_match(&profiles[side], &sides[side], first.row, &second))
            continue;
        status = add_pairs(list, side, &first, &second, seed, err);
        if (first.list != told[0] || second.list != told[1])
            check_machines(list, &first, &second);
        told[0] = first.list;
        told[1] = second.list;
    }
    return status;
}

static void tell_others(struct speed_list *list, const struct profiles *profiles,
                        const struct run_list *side)
{
    for (size_t f = 0; f < profiles->n; f++) {
        const struct profile_times_list *times = &profiles->lists[f];
        size_t own = 0;
        for (size_t i = 0; i < times->n; i++)
            own += is_of(&times->rows[i], side);
        if (own == 0 && times->n > 0)
            caution(list, arena_printf(&list->arena,
                                       "%s measured other models than that of the runs beside it",
                                       profiles->paths[f]));
    }
}

static enum status compare_all(struct speed_list *list, struct profiles *profiles,
                               const struct run_list *sides, size_t n, uint64_t seed,
                               struct error *err)
{
    enum status status = STATUS_OK;
    size_t rows = 0, files = 0;
    for (size_t i = 0; i < n && !status; i++)
        status = read_profiles(&profiles[i], &list->arena, err);
    for (size_t i = 0; i < n && !status; i++)
        files += profiles[i].n;
    for (size_t f = 0; f < profiles[0].n && !status; f++)
        rows += profiles[0].lists[f].n;
    list->most_cautions = files + rows * n;
    list->pairs =
        arena_alloc_small(&list->arena, PROFILE_LATENCIES * rows * n + 1, sizeof *list->pairs);
    list->cautions =
        arena_alloc_small(&list->arena, list->most_cautions + 1, sizeof *list->cautions);
    if (!status && arena_failed(&list->arena))
        return no_memory(err);
    for (size_t i = 0; i < n && !status; i++)
        tell_others(list, &profiles[i], &sides[i]);
    for (size_t i = 1; i < n && !status; i++)
        status = compare_sides(list, profiles, sides, i, seed, err);
    return status;
}

enum status speed_list_open(struct speed_list *list, const char *const *operands,
                            const struct run_list *sides, size_t n, const char *shared,
                            uint64_t seed, struct error *err)
{
    *list = (struct speed_list){0};
    arena_init(&list->arena);
    struct profiles *profiles = arena_alloc_small(&list->arena, n, sizeof *profiles);
    if (!profiles)
        return no_memory(err);
    for (size_t i = 0; i < n; i++) {
        if (shared)
            find_profiles(&profiles[i], shared, 0, &list->arena);
        if (shared && profiles[i].n == 0)
            return fail(err, STATUS_NOT_FOUND, "%s holds no profile.json", shared);
        find_profiles(&profiles[i], operands[i], MOST_DEPTH, &list->arena);
    }
    enum status status = compare_all(list, profiles, sides, n, seed, err);
    if (!status && arena_failed(&list->arena))
        status = no_memory(err);
    return status;
}

void speed_list_close(struct speed_list *list)
{
    arena_release(&list->arena);
    *list = (struct speed_list){0};
}
