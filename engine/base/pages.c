#include "engine/base/pages.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { ALIGNMENT = 64 };

void *pages_alloc(size_t bytes)
{
    size_t alignment = bytes >= PAGES_HUGE_BYTES ? PAGES_HUGE_BYTES : ALIGNMENT;
    if (bytes > SIZE_MAX - alignment)
        return NULL;
    size_t rounded = (bytes + alignment - 1) / alignment * alignment;
    void *memory = aligned_alloc(alignment, rounded ? rounded : alignment);
#ifdef MADV_HUGEPAGE
    if (memory && alignment == PAGES_HUGE_BYTES)
        madvise(memory, rounded, MADV_HUGEPAGE); /* a wish: it may be refused */
#endif
    return memory;
}
