/* Opens the input as a tokenizer file; encodes and cleans it as text.  What encodes must decode to
 * the same bytes where nothing normalises and nothing is left out. */
#include "engine/base/error.h"
#include "engine/base/utf8.h"
#include "engine/tokenizer/tokenizer.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct tokenizer *open_or_abort(const char *path)
{
    struct tokenizer *tokenizer = NULL;
    struct error err;
    if (tokenizer_open(&tokenizer, path, &err)) {
        fprintf(stderr, "%s (run from the root of the repository)\n", err.text);
        abort();
    }
    return tokenizer;
}

static void encode_and_decode(const struct tokenizer *tokenizer, const char *text, size_t size,
                              int is_plain)
{
    struct token_list ids;
    token_list_init(&ids);
    struct text out, shown;
    text_init(&out);
    text_init(&shown);
    struct error err;
    if (tokenizer_encode(tokenizer, text, size, &ids, &err))
        abort();
    for (size_t i = 0; i < ids.n; i++)
        if (ids.ids[i] < 0 || ids.ids[i] >= tokenizer_size(tokenizer))
            abort();
    tokenizer_decode(tokenizer, ids.ids, ids.n, &out);
    if (is_plain && (out.length != size || (size > 0 && memcmp(out.data, text, size) != 0)))
        abort();
    tokenizer_clean(out.data, out.length, true, &shown);
    token_list_release(&ids);
    text_release(&out);
    text_release(&shown);
}

static void open_as_file(const uint8_t *data, size_t size)
{
    int fd = memfd_create("tokenizer", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct tokenizer *tokenizer = NULL;
    struct error err;
    if (tokenizer_open(&tokenizer, path, &err) == STATUS_OK) {
        encode_and_decode(tokenizer, (const char *)data, size, 0);
        tokenizer_close(tokenizer);
    }
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct tokenizer *neox, *gpt2;
    if (!neox) {
        neox = open_or_abort("tests/data/tokenizer/neox.json");
        gpt2 = open_or_abort("tests/data/tokenizer/gpt2.json");
    }
    const char *text = (const char *)data;
    /* The only special token of gpt2.json; its added U+00E9 U+0301 begins with a letter of the byte
     * alphabet, but has one that is not in it, and so stands for itself. */
    static const char special[] = "<|endoftext|>";
    int is_plain = utf8_valid(text, size, NULL) && !memmem(text, size, special, sizeof special - 1);
    encode_and_decode(gpt2, text, size, is_plain);
    encode_and_decode(neox, text, size, 0);
    open_as_file(data, size);
    return 0;
}
