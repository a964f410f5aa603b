/* eval/version.h - which mambench this is; travels with every run. */
#ifndef MAMBENCH_EVAL_VERSION_H
#define MAMBENCH_EVAL_VERSION_H

/* What `git describe` said when the program was built. */
extern const char mambench_version[];

#endif
