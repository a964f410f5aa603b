/* Any bytes as a history of runs. */
#include "eval/history.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    struct history history;
    struct history_view view = {NULL, NULL, NULL};
    struct text text;
    struct error err = {""};
    size_t n = 0;
    int fd = memfd_create("history", 0);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        return 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (history_open(&history, path, &err) == STATUS_OK) {
        text_init(&text);
        history_add_tables(&history, &view, &text, &n);
        history_add_json(&history, &view, &text, &n);
        if (n > history.n)
            __builtin_trap();
        text_release(&text);
        history_close(&history);
    }
    close(fd);
    return 0;
}
