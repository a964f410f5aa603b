/* Writes a copy of a safetensors file in which some tensors have seeded noise added.
 *     damage_weights FROM TO PREFIX SIZE SEED
 *
 * Every value of every BF16 tensor whose name begins with PREFIX gets normal noise whose standard
 * deviation is SIZE times that of the tensor.  Prints how many tensors and values that were. */
#include "engine/base/file.h"
#include "engine/base/float16.h"
#include "engine/base/json.h"
#include "engine/base/random.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct damage {
    const char *prefix;
    double size;
    struct random_stream random;
    size_t n_tensors, n_values;
};

static double normal(struct random_stream *random)
{
    double u = 1 - random_uniform(random), v = random_uniform(random);
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

static void damage_tensor(struct damage *damage, char *bytes, size_t n)
{
    double sum = 0, squares = 0;
    uint16_t value;
    for (size_t i = 0; i < n; i++) {
        memcpy(&value, bytes + i * sizeof value, sizeof value);
        double x = (double)float_from_bf16(value);
        sum += x;
        squares += x * x;
    }
    double mean = sum / (double)n, deviation = sqrt(fmax(0, squares / (double)n - mean * mean));
    for (size_t i = 0; i < n; i++) {
        memcpy(&value, bytes + i * sizeof value, sizeof value);
        double noise = damage->size * deviation * normal(&damage->random);
        value = bf16_from_float(float_from_bf16(value) + (float)noise);
        memcpy(bytes + i * sizeof value, &value, sizeof value);
    }
    damage->n_tensors += 1;
    damage->n_values += n;
}

/* data: the file's bytes behind its header. */
static int damage_all(struct damage *damage, const cJSON *header, char *data, size_t size)
{
    const cJSON *tensor;
    cJSON_ArrayForEach(tensor, header)
    {
        const cJSON *offsets = json_find(tensor, "data_offsets");
        if (strncmp(tensor->string, damage->prefix, strlen(damage->prefix)) != 0)
            continue;
        size_t begin = (size_t)cJSON_GetNumberValue(cJSON_GetArrayItem(offsets, 0));
        size_t end = (size_t)cJSON_GetNumberValue(cJSON_GetArrayItem(offsets, 1));
        if (strcmp(json_string_or(tensor, "dtype", ""), "BF16") != 0 || begin >= end ||
            end > size) {
            fprintf(stderr, "damage_weights: %s is not BF16, or lies outside\n", tensor->string);
            return 1;
        }
        damage_tensor(damage, data + begin, (end - begin) / sizeof(uint16_t));
    }
    return damage->n_tensors == 0;
}

static int write_file(const char *path, const char *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    int failed = !file || fwrite(data, 1, size, file) != size;
    return (file && fclose(file) != 0) || failed;
}

int main(int argc, char **argv)
{
    struct arena arena;
    char *data;
    size_t size;
    uint64_t length = 0;
    cJSON *header = NULL;
    struct error err = {""};
    if (argc != 6)
        return fprintf(stderr, "usage: damage_weights FROM TO PREFIX SIZE SEED\n"), 2;
    struct damage damage = {argv[3], strtod(argv[4], NULL), {strtoull(argv[5], NULL, 10)}, 0, 0};
    arena_init(&arena);
    int failed = file_read(argv[1], &arena, &data, &size, &err) != STATUS_OK || size < 8;
    if (!failed) {
        memcpy(&length, data, sizeof length); /* little-endian, as the machines it runs on */
        failed = length > size - 8 ||
                 json_parse(&header, data + 8, (size_t)length, argv[1], &err) != STATUS_OK ||
                 damage_all(&damage, header, data + 8 + length, size - 8 - (size_t)length) != 0 ||
                 write_file(argv[2], data, size) != 0;
    }
    if (failed)
        fprintf(stderr, "damage_weights: %s: %s\n", argv[1], err.text);
    else
        printf("%zu tensors, %zu values\n", damage.n_tensors, damage.n_values);
    cJSON_Delete(header);
    arena_release(&arena);
    return failed;
}
