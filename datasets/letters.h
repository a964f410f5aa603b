/* datasets/letters.h - upper and lower case of questions. */
#ifndef MAMBENCH_DATASETS_LETTERS_H
#define MAMBENCH_DATASETS_LETTERS_H

#include "engine/base/text.h"

/* Appends what Python's str.capitalize() makes of text: the first letter in title case, all others
 * in lower case.  One code point for one, from utf8proc: a first letter that becomes two (a sharp
 * s) and a capital sigma at the end of a word are beyond it. */
void letters_capitalise(const char *text, struct text *out);

#endif
