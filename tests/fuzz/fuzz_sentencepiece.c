/* Opens the input as a SentencePiece model: as it is, and with its bytes as the last pieces of a
 * sound one, so that damage deep in a model is met too.  What opens encodes the input. */
#include "engine/base/error.h"
#include "engine/base/text.h"
#include "engine/tokenizer/tokenizer.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void add_piece(struct text *model, const char *piece, size_t length, char type)
{
    text_add_char(model, 0x0A);
    text_add_char(model, (char)(length + 4));
    text_add_char(model, 0x0A);
    text_add_char(model, (char)length);
    text_add_bytes(model, piece, length);
    text_add_char(model, 0x18);
    text_add_char(model, type);
}

/* Specs, special pieces, bytes; what follows is pieces. */
static void add_sound_part(struct text *model)
{
    static const char specs[] = "\x12\x05\x18\x02\x98\x02\x01\x1A\x02\x20"; /* and a zero */
    text_add_bytes(model, specs, sizeof specs);
    add_piece(model, "<unk>", 5, 2);
    add_piece(model, "<s>", 3, 3);
    for (unsigned byte = 0; byte < 256; byte++) {
        char name[8];
        snprintf(name, sizeof name, "<0x%02X>", byte);
        add_piece(model, name, 6, 6);
    }
}

static void encode_and_decode(const struct tokenizer *tokenizer, const char *data, size_t size)
{
    struct token_list ids;
    struct text out;
    struct error err;
    token_list_init(&ids);
    text_init(&out);
    if (tokenizer_encode(tokenizer, data, size, &ids, &err))
        abort();
    for (size_t i = 0; i < ids.n; i++)
        if (ids.ids[i] < 0 || ids.ids[i] >= tokenizer_size(tokenizer))
            abort();
    tokenizer_decode(tokenizer, ids.ids, ids.n, &out);
    token_list_release(&ids);
    text_release(&out);
}

static int open_and_use(const struct text *model, const char *data, size_t size)
{
    int fd = memfd_create("sentencepiece", MFD_CLOEXEC);
    if (fd < 0 || write(fd, text_string(model), model->length) != (ssize_t)model->length)
        abort();
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct tokenizer *tokenizer = NULL;
    struct error err;
    int opened = tokenizer_open(&tokenizer, path, &err) == STATUS_OK;
    if (opened)
        encode_and_decode(tokenizer, data, size);
    tokenizer_close(tokenizer);
    close(fd);
    return opened;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    struct text model;
    text_init(&model);
    /* A file begins with its pieces: the first one in front of the specs. */
    add_piece(&model, "</s>", 4, 3);
    add_sound_part(&model);
    if (size == 0 && !open_and_use(&model, bytes, size))
        abort(); /* the sound part is not */
    text_add_bytes(&model, bytes, size);
    open_and_use(&model, bytes, size);
    text_reset(&model);
    text_add_bytes(&model, bytes, size);
    open_and_use(&model, bytes, size);
    text_release(&model);
    return 0;
}
