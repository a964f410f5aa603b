#include "datasets/letters.h"

#include "engine/base/utf8.h"

#include <string.h>
#include <utf8proc.h>

void letters_capitalise(const char *text, struct text *out)
{
    const char *end = text + strlen(text);
    for (bool first = true; text < end; first = false) {
        utf8proc_int32_t c = (utf8proc_int32_t)utf8_next(&text, end);
        text_add_code_point(out, (unsigned)(first ? utf8proc_totitle(c) : utf8proc_tolower(c)));
    }
}
