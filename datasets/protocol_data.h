/* datasets/protocol_data.h - the protocol files inside the program; what
 * scripts/embed_protocols.sh writes. */
#ifndef MAMBENCH_DATASETS_PROTOCOL_DATA_H
#define MAMBENCH_DATASETS_PROTOCOL_DATA_H

#include <stddef.h>

struct protocol_data {
    const char *name; /* "pope@triml" */
    const unsigned char *bytes;
    size_t size_bytes;
};

/* In the order of protocol_names[]; the last has no name. */
extern const struct protocol_data protocol_data[];

#endif
