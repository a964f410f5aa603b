/* Any bytes as a profile: rows whose times are all there and positive, or a sentence. */
#include "reports/profile_times.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct profile_times *row)
{
    if (row->n == 0 || !row->ns[PROFILE_LATENCY_E2E])
        abort();
    for (int l = 0; l < PROFILE_LATENCIES; l++)
        for (size_t i = 0; row->ns[l] && i < row->n; i++)
            if (!(row->ns[l][i] > 0))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct profile_times_list list;
    struct error err = {""};
    arena_init(&arena);
    if (profile_times_read(&list, (const char *)data, size, "fuzz", &arena, &err)) {
        if (!err.text[0])
            abort();
    } else {
        for (size_t i = 0; i < list.n; i++) {
            check(&list.rows[i]);
            if (!profile_times_name(&list.rows[i], &arena) ||
                !profile_times_match(&list.rows[i], &list.rows[i]))
                abort();
        }
    }
    arena_release(&arena);
    return 0;
}
