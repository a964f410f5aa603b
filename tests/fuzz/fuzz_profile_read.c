/* Reads the input as a profile.json, builds a table of what it holds and prints it. */
#include "reports/report.h"
#include "reports/systems.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[] = "/tmp/mambench-fuzz-profile-XXXXXX";

static void remove_file(void)
{
    unlink(path);
}

static void print_table(const struct profile_file *file)
{
    static const char *const layouts[] = {"systems", "cobra-table3"};
    struct published published;
    if (published_open(&published, NULL))
        abort();
    for (size_t i = 0; i < 2; i++) {
        const struct systems_profile profile = {file, NULL};
        const struct systems_input input = {.layout = table_layout_find(layouts[i]),
                                            .profiles = &profile,
                                            .n_profiles = 1,
                                            .published = &published};
        struct systems_table table;
        struct text text;
        text_init(&text);
        if (systems_build(&table, &input, NULL))
            abort();
        systems_add_markdown(&table, &text);
        systems_add_tex(&table, &text);
        text_release(&text);
        systems_release(&table);
    }
    published_close(&published);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int descriptor = -1;
    struct profile_file file;
    struct error err = {""};
    if (descriptor < 0) {
        descriptor = mkstemp(path);
        if (descriptor < 0)
            abort();
        atexit(remove_file);
    }
    if (ftruncate(descriptor, 0) || pwrite(descriptor, data, size, 0) != (ssize_t)size)
        abort();
    if (profile_file_open(&file, path, &err)) {
        if (!err.text[0])
            abort();
        return 0;
    }
    print_table(&file);
    profile_file_close(&file);
    return 0;
}
