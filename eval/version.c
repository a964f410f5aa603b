#include "eval/version.h"

#ifndef VERSION
#define VERSION "unknown"
#endif

const char mambench_version[] = VERSION;
