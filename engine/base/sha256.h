/* engine/base/sha256.h - SHA-256 of bytes and files, as lower-case hexadecimal. */
#ifndef MAMBENCH_ENGINE_BASE_SHA256_H
#define MAMBENCH_ENGINE_BASE_SHA256_H

#include "engine/base/error.h"

#include <stddef.h>
#include <stdint.h>

struct sha256_text {
    char hex[65];
};

/* A library failure (no memory) gives an empty string. */
struct sha256_text sha256_bytes(const void *data, size_t size);

/* Its first 16 digits as a number, for telling two things apart; 0 only without memory. */
uint64_t sha256_short(const void *data, size_t size);

/* The digest of a whole file, read in pieces. */
enum status sha256_file(const char *path, struct sha256_text *out, struct error *err);

#endif
