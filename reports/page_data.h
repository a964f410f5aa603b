/* reports/page_data.h - the sources of the HTML page inside the program; what
 * scripts/embed_page.sh writes from reports/page/. */
#ifndef MAMBENCH_REPORTS_PAGE_DATA_H
#define MAMBENCH_REPORTS_PAGE_DATA_H

#include <stddef.h>

struct page_data {
    const char *bytes; /* followed by a NUL */
    size_t size_bytes;
};

extern const struct page_data page_html, page_css, page_js;

#endif
