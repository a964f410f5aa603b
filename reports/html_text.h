/* reports/html_text.h - text that stays text inside a page. */
#ifndef MAMBENCH_REPORTS_HTML_TEXT_H
#define MAMBENCH_REPORTS_HTML_TEXT_H

#include "engine/base/text.h"

#include <stddef.h>

/* Appends a string as the text of an element or of a quoted attribute: < > & and quotes become
 * references; what is not UTF-8, and the control characters that HTML does not know, U+FFFD. */
void html_add_text(struct text *out, const char *string);

/* Appends lines as a list, an item each; nothing where there are none. */
void html_add_list(struct text *out, const char *lines);

/* Appends JSON so that the element around it cannot end early: the characters that HTML could read
 * as markup become \u00xx, which they may wherever JSON has them, inside strings. */
void html_add_json(struct text *out, const char *json);

/* Appends bytes in base64 with padding. */
void html_add_base64(struct text *out, const void *bytes, size_t size);

/* Appends 'sha256-...', the digest by which a Content-Security-Policy lets a script or style in. */
void html_add_digest(struct text *out, const char *content, size_t length);

/* Appends the address of a file relative to a page: path with what an address may not hold written
 * as %XX. */
void html_add_address(struct text *out, const char *path);

#endif
