/* engine/tokenizer/nfc.h - Unicode normalisation form C (UAX #15), by the Unicode version of the
 * tokenizer library (nfc.c). */
#ifndef MAMBENCH_ENGINE_TOKENIZER_NFC_H
#define MAMBENCH_ENGINE_TOKENIZER_NFC_H

#include "engine/base/text.h"

#include <stdbool.h>
#include <stddef.h>

/* Whether normalisation surely changes nothing: a quick test that most texts pass. */
bool nfc_is_plain(const char *text, size_t length);

/* Appends the normal form of well-formed UTF-8 to out; false without memory. */
bool nfc_normalize(const char *text, size_t length, struct text *out);

#endif
