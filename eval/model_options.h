/* eval/model_options.h - the options of every command that loads a model. */
#ifndef MAMBENCH_EVAL_MODEL_OPTIONS_H
#define MAMBENCH_EVAL_MODEL_OPTIONS_H

#include "engine/base/error.h"
#include "engine/engine.h"
#include "eval/options.h"

extern const char *const precision_choices[], *const kernel_choices[];

/* Rows for the command's table. */
#define MODEL_OPTION_ROWS                                                                          \
    {"precision",       'p',  OPTION_CHOICE, "NAME", "arithmetic of the matrix products", "bf16",  \
     precision_choices, false},                                                                    \
        {"threads", 't', OPTION_COUNT, "N", "threads; 0 is one per core", "0", NULL, false},       \
        {"kernels",                                                                                \
         0,                                                                                        \
         OPTION_CHOICE,                                                                            \
         "NAME",                                                                                   \
         "instruction set to use at most; by default the best this CPU has",                       \
         NULL,                                                                                     \
         kernel_choices,                                                                           \
         false},                                                                                   \
    {                                                                                              \
        "random-weights", 0, OPTION_FLAG, NULL,                                                    \
            "invent the weights: speed and memory are real, answers are not", NULL, NULL, false    \
    }

/* Fills out from those rows and from the row "seed".  Errors: USAGE. */
enum status model_options_read(const struct options *options, struct engine_options *out,
                               struct error *err);

/* The whole number of an option that must fit in an int. */
enum status option_int(const struct options *options, const char *name, int *out,
                       struct error *err);

/* The seed: a whole number that every JSON reader keeps exactly. */
enum status option_seed(const struct options *options, uint64_t *out, struct error *err);

#endif
