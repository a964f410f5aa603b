/* engine/base/pages.h - large memory that is read again and again, on huge pages where it fits.
 *
 * Weights are read from one end to the other for every token: with pages of 4 KiB a core stalls on
 * address translation, and filling 7 GB takes 1.7 million page faults. */
#ifndef MAMBENCH_ENGINE_BASE_PAGES_H
#define MAMBENCH_ENGINE_BASE_PAGES_H

#include <stddef.h>

/* At least so many bytes, aligned to 64, contents undefined; free() releases them.  NULL without
 * memory.  The system is asked for huge pages from PAGES_HUGE_BYTES on; where it has none, pages
 * are small and nothing else changes. */
void *pages_alloc(size_t bytes);

enum { PAGES_HUGE_BYTES = 2 << 20 };

#endif
