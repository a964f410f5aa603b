/* Any bytes as predictions.jsonl and as timings.jsonl. */
#include "eval/prediction_log.h"
#include "reports/run_record.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    struct arena arena;
    struct log_entry *entries = NULL;
    struct run_speed speed;
    struct error err = {""};
    size_t n = 0;
    bool torn;
    int fd = memfd_create("log", 0);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        return 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    arena_init(&arena);
    if (log_read(path, &arena, &entries, &n, &torn, &err) == STATUS_OK)
        for (size_t i = 0; i < n; i++)
            if (!entries[i].id || !entries[i].image)
                __builtin_trap();
    run_speed_read(&speed, path, &arena, &err);
    arena_release(&arena);
    close(fd);
    return 0;
}
