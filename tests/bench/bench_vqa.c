/* VQAv2 val at its true size, synthetic: what loading it costs beside bare cJSON on the same files,
 * how much memory it takes, and what scoring every breakdown costs beside loading.
 *
 *     bench_vqa [QUESTIONS]
 *
 * Ends with 1 where a bound is passed: loading at most three times the bare parsing and 300 MB,
 * scoring less than loading, all floors less than loading, 400 MB in the end. */
#include "datasets/dataset.h"
#include "engine/base/clock.h"
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "metrics/baseline.h"
#include "metrics/metric.h"
#include "tests/bench/vqa_folder.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { N_RUNS = 3 };
static const double most_ratio = 3, most_megabytes = 300, most_at_end = 400;

static const char *const members[] = {"questions", "annotations"};

static void stop(const char *what)
{
    fprintf(stderr, "bench_vqa: %s\n", what);
    exit(2);
}

static double seconds(int64_t since)
{
    return (double)(clock_ns() - since) / 1e9;
}

static double megabytes(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024;
}

/* Every element of both arrays, parsed and forgotten. */
static double parse_bare(const char *folder)
{
    struct error err = {{0}};
    int64_t start = clock_ns();
    for (size_t i = 0; i < 2; i++) {
        char path[256];
        struct file_map map;
        struct json_array array;
        cJSON *element = NULL;
        snprintf(path, sizeof path, "%s/%s", folder, vqa_names[i]);
        if (file_map_open(&map, path, &err) ||
            json_member_array_begin(&array, (const char *)map.data, map.size_bytes, members[i],
                                    path, &err))
            stop(err.text);
        while (!json_array_next(&array, &element, &err) && element)
            cJSON_Delete(element);
        if (err.text[0])
            stop(err.text);
        file_map_close(&map);
    }
    return seconds(start);
}

static double load(const char *folder, struct dataset *set)
{
    struct error err = {{0}};
    int64_t start = clock_ns();
    if (dataset_open(set, dataset_kind_find("vqav2"), "val", folder, &err))
        stop(err.text);
    return seconds(start);
}

/* Scores usual answers in full, correct() of every sample included. */
static double score(const struct dataset *set, const char *name, double *value)
{
    struct arena arena;
    struct protocol protocol;
    struct score_table table;
    struct error err = {{0}};
    arena_init(&arena);
    struct prediction *predictions = arena_alloc(&arena, set->n_samples, sizeof *predictions);
    if (!predictions || protocol_open(&protocol, name, &arena, &err))
        stop(err.text);
    for (uint64_t i = 0; i < set->n_samples; i++) {
        char answer[24];
        vqa_answer(i, answer);
        answer[0] = (char)(answer[0] >= 'a' ? answer[0] - 32 : answer[0]);
        predictions[i].text = arena_printf(&arena, "%s.", answer);
    }
    int64_t start = clock_ns();
    if (score_predictions(set, &protocol, predictions, &arena, &table, &err))
        stop(err.text);
    size_t n_correct = 0;
    for (size_t i = 0; i < set->n_samples; i++)
        n_correct +=
            metric_find(protocol.metric)->correct(&set->samples[i], &protocol, &predictions[i]) ==
            1;
    double taken = seconds(start);
    *value = table.scores[table.headline].value;
    if (n_correct == 0 || table.n_scores < 4)
        stop("nothing was scored");
    arena_release(&arena);
    return taken;
}

/* All baselines, predicted and scored in full. */
static double score_all_floors(const struct dataset *set, const char *name)
{
    struct arena arena;
    struct protocol protocol;
    struct score_floor floors[N_BASELINES];
    struct error err = {{0}};
    size_t n = 0;
    arena_init(&arena);
    if (protocol_open(&protocol, name, &arena, &err))
        stop(err.text);
    int64_t start = clock_ns();
    if (score_floors(set, &protocol, 1, &arena, floors, &n, &err))
        stop(err.text);
    double taken = seconds(start);
    if (n != N_BASELINES)
        stop("a floor is missing");
    arena_release(&arena);
    return taken;
}

static double least(double a, double b)
{
    return a < b ? a : b;
}

int main(int argc, char **argv)
{
    uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : VQA_VAL_QUESTIONS;
    char folder[] = "/tmp/mambench-bench-XXXXXX";
    struct dataset set;
    double loading = 1e9, bare = 1e9, scoring = 0, peak = 0, value = 0;
    if (!mkdtemp(folder) || !vqa_write_folder(folder, n))
        stop("cannot write the files");
    for (int run = 0; run < N_RUNS; run++) {
        loading = least(loading, load(folder, &set));
        peak = run == 0 ? megabytes() : peak;
        if (set.n_samples != n)
            stop("questions were lost");
        if (run + 1 < N_RUNS)
            dataset_close(&set);
        bare = least(bare, parse_bare(folder));
    }
    printf("%zu synthetic questions, %zu images\n", set.n_samples, set.n_images);
    printf("bare cJSON %8.2f s\nloading    %8.2f s  %5.2f of bare, at most %.0f\n", bare, loading,
           loading / bare, most_ratio);
    printf("resident   %8.0f MB       at most %.0f\n", peak, most_megabytes);
    static const char *const protocols[] = {"vqav2@official", "vqav2@official-2017", "vqav2@triml",
                                            "vqav2@llava-val", "vqav2@lmms-eval"};
    for (size_t i = 0; i < sizeof protocols / sizeof protocols[0]; i++) {
        double taken = score(&set, protocols[i], &value);
        scoring = taken > scoring ? taken : scoring;
        printf("scoring    %8.2f s  %5.2f of loading, less than 1; %s %.2f\n", taken,
               taken / loading, protocols[i], value);
    }
    double floors = score_all_floors(&set, "vqav2@triml");
    printf("floors     %8.2f s  %5.2f of loading, less than 1; %d baselines\n", floors,
           floors / loading, N_BASELINES);
    printf("resident   %8.0f MB at the end, at most %.0f\n", megabytes(), most_at_end);
    bool too_large = megabytes() > most_at_end || floors > loading;
    dataset_close(&set);
    vqa_remove_folder(folder);
    return loading > most_ratio * bare || peak > most_megabytes || scoring >= loading || too_large;
}
