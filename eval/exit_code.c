#include "eval/exit_code.h"

#include <stddef.h>

static const enum exit_code worst_first[] = {
    EXIT_TERMINATED, EXIT_INTERRUPTED,  EXIT_USAGE,        EXIT_DATA, EXIT_INTERNAL,
    EXIT_INCOMPLETE, EXIT_CHECK_FAILED, EXIT_INCONCLUSIVE, EXIT_DONE,
};

enum exit_code exit_worst(enum exit_code a, enum exit_code b)
{
    for (size_t i = 0; i < sizeof worst_first / sizeof worst_first[0]; i++)
        if (a == worst_first[i] || b == worst_first[i])
            return worst_first[i];
    return EXIT_INTERNAL;
}

enum exit_code exit_of_status(enum status status)
{
    switch (status) {
    case STATUS_OK:
        return EXIT_DONE;
    case STATUS_NO_MEMORY:
        return EXIT_INTERNAL;
    case STATUS_USAGE:
        return EXIT_USAGE;
    case STATUS_IO:
    case STATUS_BAD_FORMAT:
    case STATUS_NOT_FOUND:
    case STATUS_UNSUPPORTED:
    case STATUS_MISMATCH:
        break;
    }
    return EXIT_DATA;
}
