/* bench_load DIRECTORY [RUNS] - opening a model from the page cache: seconds, and peak memory
 * against the packed weights (tests/bench/write_cobra.py writes a Cobra-3B of noise).
 *
 * Every run is a process of its own, so that each starts with no memory.  The first one, which
 * brings the files into the page cache, is told but not counted. */
#include "engine/engine.h"
#include "tests/bench/bench.h"

#include <sys/wait.h>
#include <unistd.h>

struct load {
    double seconds, packed_bytes, peak_bytes;
};

/* What the child does: its load, or a sentence, through the pipe's end. */
static int load_once(const char *directory, int out)
{
    struct engine_options options;
    struct engine *engine;
    struct error err = {""};
    engine_options_init(&options);
    int64_t start = clock_ns();
    if (engine_open(&engine, directory, &options, &err))
        return bench_die("bench_load", &err);
    struct load load = {.seconds = bench_seconds_since(start)};
    load.packed_bytes = (double)engine_info(engine)->packed_bytes;
    load.peak_bytes = bench_peak_bytes();
    return write(out, &load, sizeof load) == (ssize_t)sizeof load ? 0 : 1;
}

static int run_child(const char *directory, struct load *load)
{
    int ends[2], code = 0;
    if (pipe(ends))
        return 1;
    pid_t child = fork();
    if (child == 0)
        _exit(load_once(directory, ends[1]));
    close(ends[1]);
    ssize_t n = read(ends[0], load, sizeof *load);
    close(ends[0]);
    return child < 0 || waitpid(child, &code, 0) != child || code != 0 ||
           n != (ssize_t)sizeof *load;
}

int main(int argc, char **argv)
{
    int runs = bench_pairs(argc, argv, 2, 5);
    double seconds[BENCH_MAX_PAIRS], peaks[BENCH_MAX_PAIRS];
    struct load load;
    if (argc < 2 || !runs) {
        fprintf(stderr, "usage: bench_load DIRECTORY [RUNS]\n");
        return 2;
    }
    for (int i = -1; i < runs; i++) {
        if (run_child(argv[1], &load))
            return 1;
        if (i < 0)
            printf("first load %.2f s\n", load.seconds);
        else
            seconds[i] = load.seconds, peaks[i] = load.peak_bytes / load.packed_bytes;
    }
    double median = bench_median(seconds, runs);
    printf("load %.2f s (%.2f to %.2f, %d runs), packed weights %.3f GB, peak resident %.3f times "
           "that\n",
           median, seconds[0], seconds[runs - 1], runs, load.packed_bytes * 1e-9,
           bench_median(peaks, runs));
    return 0;
}
