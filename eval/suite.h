/* eval/suite.h - a suite: models x (limits x tasks, scenarios), in one JSON file.
 *
 *     {
 *       "suite": 1,                      the version of this format
 *       "name": "paper-six",             folder under runs/ where --out is not given
 *       "about": "one sentence",
 *       "model-root": "../models",       where models and data lie, from the suite's folder;
 *       "data-root": "../data",          --model-root and --data-root are stronger
 *       "settings": {"precision": "bf16"},
 *       "models": ["cobra", {"model": "baseline:majority", "name": "floor"}],
 *       "limits": [100, {"slim": 1024}, 0],
 *       "tasks": ["pope@triml", {"task": "vsr@triml", "data": "vsr"}],
 *       "scenarios": [{"scenario": "cobra-table3", "image": "../cat.jpg"}]
 *     }
 *
 * "settings", models, limits and tasks may hold every option of `mambench run` that concerns one
 * run, by its name; the command line is stronger than a task, a task than a limit, a limit than a
 * model, a model than "settings".  The manifest of each run says where its values came from. */
#ifndef MAMBENCH_EVAL_SUITE_H
#define MAMBENCH_EVAL_SUITE_H

#include "engine/base/error.h"
#include "eval/plan.h"

/* Reads a suite and adds its cells to the plan, model by model.  Errors: NOT_FOUND, IO, BAD_FORMAT
 * (the sentence names file and member), USAGE (a --cell that is none of the suite's). */
enum status suite_read(struct plan *plan, const char *path, struct error *err);

#endif
