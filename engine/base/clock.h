/* engine/base/clock.h - time that only moves forward, in nanoseconds. */
#ifndef MAMBENCH_ENGINE_BASE_CLOCK_H
#define MAMBENCH_ENGINE_BASE_CLOCK_H

#include <stdint.h>

/* Nanoseconds since an arbitrary start (CLOCK_MONOTONIC). */
int64_t clock_ns(void);

#endif
