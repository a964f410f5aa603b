/* reports/run_parts.h - what several formats tell of one run, as sentences and tables: each number
 * is written here once, whatever stands around it.  Sentences are plain text. */
#ifndef MAMBENCH_REPORTS_RUN_PARTS_H
#define MAMBENCH_REPORTS_RUN_PARTS_H

#include "engine/base/arena.h"
#include "engine/base/text.h"
#include "reports/run_record.h"
#include "reports/table.h"

/* "m on pope@x (random weights)" */
void run_add_title(const struct run_record *record, struct text *out);
/* "POPE: 80 samples about 9 images, of the 100 of the benchmark. Protocol: as X." */
void run_add_subject(const struct run_record *record, struct text *out);
/* "accuracy 75.00 %" */
void run_add_headline(const struct run_record *record, struct text *out);
/* What follows it: ", 95 % interval ...; 60 of 80 right; 2 failed (counted as wrong)." */
void run_add_headline_facts(const struct run_record *record, struct text *out);
/* "Floors on the same samples: ..."; nothing where there are none. */
void run_add_floors(const struct run_record *record, struct text *out);
/* How many samples failed and that the list may be cut; nothing where none did. */
void run_add_failed(const struct run_record *record, struct text *out);
/* How the speed was measured; nothing where it was not. */
void run_add_speed(const struct run_record *record, struct text *out);

/* Tables with their heads; the arena is theirs. */
void run_scores_table(const struct run_record *record, struct arena *arena, struct table *table);
void run_failures_table(const struct run_record *record, struct arena *arena, struct table *table);
void run_speed_table(const struct run_record *record, struct arena *arena, struct table *table);
void run_stages_table(const struct run_record *record, struct arena *arena, struct table *table);
/* Model, protocol, files, machine: two columns. */
void run_setup_table(const struct run_record *record, struct arena *arena, struct table *table);

#endif
