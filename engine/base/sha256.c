#include "engine/base/sha256.h"

#include "engine/base/file.h"

#include <openssl/evp.h>
#include <stdio.h>

static struct sha256_text to_hex(const unsigned char *digest, unsigned length)
{
    struct sha256_text text = {{0}};
    for (unsigned i = 0; i < length && i < 32; i++)
        snprintf(text.hex + 2 * i, 3, "%02x", digest[i]);
    return text;
}

struct sha256_text sha256_bytes(const void *data, size_t size)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    if (EVP_Digest(data, size, digest, &length, EVP_sha256(), NULL) != 1)
        length = 0;
    return to_hex(digest, length);
}

uint64_t sha256_short(const void *data, size_t size)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    uint64_t value = 0;
    if (EVP_Digest(data, size, digest, NULL, EVP_sha256(), NULL) != 1)
        return 0;
    for (int i = 0; i < 8; i++)
        value = value << 8 | digest[i];
    return value ? value : 1;
}

enum status sha256_file(const char *path, struct sha256_text *out, struct error *err)
{
    struct file_map map;
    enum status status = file_map_open(&map, path, err);
    if (status)
        return status;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    int ok = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;
    const size_t piece = 64u << 20;
    for (size_t start = 0; ok && start < map.size_bytes; start += piece) {
        size_t size = map.size_bytes - start < piece ? map.size_bytes - start : piece;
        ok = EVP_DigestUpdate(context, map.data + start, size) == 1;
        /* Hashing a checkpoint must not make it resident. */
        file_map_drop(&map, start, size);
    }
    ok = ok && EVP_DigestFinal_ex(context, digest, &length) == 1;
    EVP_MD_CTX_free(context);
    file_map_close(&map);
    if (!ok)
        return fail(err, STATUS_NO_MEMORY, "cannot hash %s: out of memory", path);
    *out = to_hex(digest, length);
    return STATUS_OK;
}
