/* eval/cmd_doctor.c - `mambench doctor`: what this machine offers and what will be chosen on it. */
#include "engine/ops/matmul.h"
#include "engine/ops/ops.h"
#include "eval/command.h"
#include "eval/machine.h"
#include "eval/output.h"
#include "eval/version.h"
#include "reports/json_writer.h"

#include <cjson/cJSON.h>
#include <csv.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <utf8proc.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

static const struct option_spec options_table[] = {
    {"json", 0, OPTION_FLAG, NULL, "print JSON", NULL, NULL, false},
    {0},
};

/* One line of the output. */
struct finding {
    const char *name;
    char value[512];
};
enum { MOST_FINDINGS = 24 };

struct findings {
    struct finding items[MOST_FINDINGS];
    size_t n;
};

static void add(struct findings *findings, const char *name, const char *value)
{
    if (findings->n == MOST_FINDINGS)
        return;
    struct finding *finding = &findings->items[findings->n++];
    finding->name = name;
    snprintf(finding->value, sizeof finding->value, "%s", value);
}

static void add_size(struct findings *findings, const char *name, double bytes)
{
    struct text text;
    text_init(&text);
    add_bytes(&text, bytes);
    add(findings, name, text_string(&text));
    text_release(&text);
}

static void find_instructions(struct findings *findings)
{
    static const char *const flags[] = {"sse4_2",      "avx2",        "fma",
                                        "f16c",        "avx512f",     "avx512bw",
                                        "avx512_vnni", "avx512_bf16", "amx_bf16"};
    char list[512] = "";
    size_t used = 0;
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (machine_has_flag(flags[i]))
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", used ? " " : "",
                                     flags[i]);
    add(findings, "instruction sets", used ? list : "none of those that matter here");
}

static void find_machine(struct findings *findings)
{
    struct machine machine;
    char number[32];
    machine_read(&machine);
    add(findings, "system", machine.system);
    add(findings, "processor", machine.cpu[0] ? machine.cpu : "unknown");
    snprintf(number, sizeof number, "%d", machine.cores);
    add(findings, "cores to use", number);
    find_instructions(findings);
    add_size(findings, "memory", machine.memory_bytes);
    add_size(findings, "memory available", machine.available_bytes);
}

static void find_choices(struct findings *findings)
{
    struct error err = {""};
    const struct ops *ops = NULL;
    bool bf16 = matmul_has(MATMUL_BF16);
    add(findings, "kernels chosen", ops_find(&ops, NULL, &err) ? err.text : ops->name);
    add(findings, "bf16 products in hardware",
        bf16 ? "yes" : "no: f32 will be used where bf16 is asked for");
    add(findings, "int8 products in hardware",
        matmul_has(MATMUL_INT8) && bf16 ? "yes" : "no: f32 will be used where int8 is asked for");
    add(findings, "precision chosen", bf16 ? "bf16" : "f32");
    add(findings, "matrix products", matmul_describe(bf16 ? MATMUL_BF16 : MATMUL_F32));
}

static void find_libraries(struct findings *findings)
{
    char line[512], pcre[64] = "";
    pcre2_config_8(PCRE2_CONFIG_VERSION, pcre);
    snprintf(line, sizeof line, "cJSON %s, libcsv %d.%d.%d, PCRE2 %.40s, utf8proc %s, %s",
             cJSON_Version(), CSV_MAJOR, CSV_MINOR, CSV_RELEASE, pcre, utf8proc_version(),
             OpenSSL_version(OPENSSL_VERSION));
    add(findings, "libraries", line);
}

/* Whether a program of that name is on the PATH. */
static bool is_installed(const char *program)
{
    const char *path = getenv("PATH");
    while (path && *path) {
        char candidate[4096];
        size_t length = strcspn(path, ":");
        snprintf(candidate, sizeof candidate, "%.*s/%s", (int)(length > 3000 ? 3000 : length), path,
                 program);
        if (access(candidate, X_OK) == 0)
            return true;
        path += length + (path[length] == ':');
    }
    return false;
}

static void find_surroundings(struct findings *findings)
{
    struct statvfs disk;
    add(findings, "gnuplot",
        is_installed("gnuplot") ? "found" : "not found: reports have tables only");
    if (statvfs(".", &disk) == 0)
        add_size(findings, "disk free here", (double)disk.f_bavail * (double)disk.f_frsize);
}

static void add_output(const struct findings *findings, bool json, struct text *out)
{
    struct json_writer writer;
    json_begin(&writer, out);
    if (json)
        json_open(&writer, NULL, '{');
    for (size_t i = 0; i < findings->n; i++) {
        const struct finding *finding = &findings->items[i];
        if (json)
            json_put_string(&writer, finding->name, finding->value);
        else
            text_addf(out, "%-26s %s\n", finding->name, finding->value);
    }
    if (json)
        json_close(&writer, '}');
}

static enum exit_code run(const struct options *options, struct error *err)
{
    struct findings findings = {.n = 0};
    struct text text;
    if (options->n_operands > 0) {
        fail(err, STATUS_USAGE, "'%s' is not an option", options->operands[0]);
        return EXIT_USAGE;
    }
    add(&findings, "mambench", mambench_version);
    find_machine(&findings);
    find_choices(&findings);
    find_libraries(&findings);
    find_surroundings(&findings);
    text_init(&text);
    add_output(&findings, option_flag(options, "json"), &text);
    enum status status = output_text(&text, err);
    text_release(&text);
    return status ? EXIT_INTERNAL : EXIT_DONE;
}

const struct command command_doctor = {
    .name = "doctor",
    .summary = "Tells what this machine offers and what will be chosen on it",
    .operands = "",
    .operand_type = OPTION_TEXT,
    .options = options_table,
    .run = run,
};
