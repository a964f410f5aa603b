/* bench_run MAMBENCH [QUESTIONS] - a whole run on VQAv2 val at its true size, synthetic, answered
 * by baseline:majority, against loading the same files: what the loop, the log, the scores and the
 * reports cost (`make bench`).
 *
 * Ends with 1 where a bound is passed: the run at most ten times the loading and 400 MB, the first
 * answer at most a second after it. */
#include "datasets/dataset.h"
#include "tests/bench/bench.h"
#include "tests/bench/vqa_folder.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const double most_ratio = 10, most_megabytes = 400, most_wait = 1;

static char folder[] = "/tmp/mambench-run-XXXXXX";

/* Seconds to load the set, in a process of its own, as the run is. */
static double time_loading(void)
{
    int64_t start = clock_ns();
    pid_t pid = fork();
    if (pid == 0) {
        struct dataset set;
        struct error err;
        _exit(dataset_open(&set, dataset_kind_find("vqav2"), "val", folder, &err) ? 1 : 0);
    }
    int status;
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
        return (double)NAN;
    return bench_seconds_since(start);
}

struct run_cost {
    double seconds, first_answer, megabytes;
};

static pid_t start_run(const char *mambench)
{
    char out[128];
    snprintf(out, sizeof out, "%s/run", folder);
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY);
        dup2(null, STDOUT_FILENO);
        execl(mambench, mambench, "run", "--model", "baseline:majority", "--task", "vqav2@triml",
              "--data", folder, "--out", out, "--force", "--quiet", (char *)NULL);
        _exit(127);
    }
    return pid;
}

/* Waits for a run and looks when its first line is there. */
static bool time_run(const char *mambench, struct run_cost *cost)
{
    char path[160];
    struct stat info;
    struct rusage usage;
    snprintf(path, sizeof path, "%s/run/predictions.jsonl", folder);
    unlink(path);
    *cost = (struct run_cost){.first_answer = (double)NAN};
    int64_t start = clock_ns();
    int status;
    pid_t pid = start_run(mambench), ended;
    while ((ended = wait4(pid, &status, WNOHANG, &usage)) == 0) {
        if (isnan(cost->first_answer) && stat(path, &info) == 0 && info.st_size > 0)
            cost->first_answer = bench_seconds_since(start);
        usleep(2000);
    }
    cost->seconds = bench_seconds_since(start);
    cost->megabytes = (double)usage.ru_maxrss / 1024;
    return pid > 0 && ended == pid && status == 0;
}

int main(int argc, char **argv)
{
    enum { RUNS = 3 };
    double loading[RUNS], seconds[RUNS], waits[RUNS], megabytes = 0;
    uint64_t n = argc > 2 ? strtoull(argv[2], NULL, 10) : VQA_VAL_QUESTIONS;
    if (argc < 2 || !mkdtemp(folder) || !vqa_write_folder(folder, n)) {
        fprintf(stderr, "usage: bench_run MAMBENCH [QUESTIONS]\n");
        return 2;
    }
    for (int i = 0; i < RUNS; i++) {
        struct run_cost cost;
        loading[i] = time_loading();
        if (!time_run(argv[1], &cost) || isnan(loading[i])) {
            fprintf(stderr, "bench_run: the run failed\n");
            return 2;
        }
        seconds[i] = cost.seconds;
        waits[i] = cost.first_answer - loading[i];
        megabytes = fmax(megabytes, cost.megabytes);
    }
    double load = bench_median(loading, RUNS), run = bench_median(seconds, RUNS);
    double wait = bench_median(waits, RUNS);
    printf("%llu synthetic questions, baseline:majority, vqav2@triml\n", (unsigned long long)n);
    printf("loading       %6.2f s\n", load);
    printf("whole run     %6.2f s  %5.2f of loading, at most %.0f\n", run, run / load, most_ratio);
    printf("first answer  %6.2f s  after loading, at most %.0f\n", wait, most_wait);
    printf("resident      %6.0f MB at most %.0f\n", megabytes, most_megabytes);
    vqa_remove_folder(folder);
    return run > most_ratio * load || wait > most_wait || megabytes > most_megabytes;
}
