/* eval/gate_ab.h - `mambench gate --ab A B`: is command B slower than command A?
 *
 *     rehearsal (a start of each, not counted) -> pairs of starts in turn -> effect and
 * significance
 *         -> undecided: on to three times the pairs; still undecided: exit 6
 *         -> slower: the whole once more, with fresh pairs in a new order; confirmed: exit 1
 *
 * What cannot be measured is exit 2, 3 or 5 and never a verdict. */
#ifndef MAMBENCH_EVAL_GATE_AB_H
#define MAMBENCH_EVAL_GATE_AB_H

#include "engine/base/text.h"
#include "eval/ab_series.h"
#include "eval/options.h"

/* Rows for the option table of the command, beside --seed and a flag --json. */
/* clang-format off */
#define GATE_AB_OPTION_ROWS                                                                        \
    {"ab", 0, OPTION_FLAG, NULL,                                                                   \
     "the operands are two commands, which are started in turn: is the second slower?", NULL,      \
     NULL, false},                                                                                 \
    {"pairs", 0, OPTION_COUNT, "N",                                                                \
     "with --ab: starts of each, at first; three times as many where they do not decide, and anew "\
     "to confirm a slowdown", "10", NULL, false},                                                  \
    {"effect", 0, OPTION_NUMBER, "PERCENT",                                                        \
     "with --ab: a slowdown up to this is no matter", "5", NULL, false},                           \
    {"level", 0, OPTION_NUMBER, "P",                                                               \
     "with --ab: p below which a slowdown is shown, after Holm's correction", "0.05", NULL,        \
     false},                                                                                       \
    {"metric", 0, OPTION_TEXT, "LIST",                                                             \
     "with --ab: ttft, tpot, e2e of what both commands print with `mambench profile -o json`; "    \
     "wall, rss of any command; all of those that there are", "all", NULL, false}
/* clang-format on */

/* The whole of it: measures, prints the tables and one closing sentence.  Codes: 0, 1 (slower, and
 * confirmed), 6 (too noisy to tell), 2 (options), 3 (a command fails or prints nonsense), 5, and
 * 130 or 143 behind a signal, where nothing is decided. */
enum exit_code gate_ab_run(const struct options *options, struct error *err);

/* What was measured, for the output. */
enum { GATE_AB_ROUNDS = 2 };
struct gate_ab {
    struct ab_plan plan;
    struct ab_series series;
    struct ab_result *results[GATE_AB_ROUNDS]; /* [series.n_measures]; NULL: no such round */
    enum exit_code code;                       /* 0, 1 or 6 */
};

/* "B is slower ..., confirmed by 10 fresh pairs." */
void gate_ab_add_sentence(const struct gate_ab *gate, struct text *out);
void gate_ab_add_table(const struct gate_ab *gate, struct text *out);
void gate_ab_add_json(const struct gate_ab *gate, struct text *out);

#endif
