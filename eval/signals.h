/* eval/signals.h - Ctrl-C and SIGTERM, asked for between two samples. */
#ifndef MAMBENCH_EVAL_SIGNALS_H
#define MAMBENCH_EVAL_SIGNALS_H

/* From now on the first SIGINT or SIGTERM is remembered; a second one ends the process.  A write
 * beyond the file size limit becomes an error instead of a signal. */
void signals_watch(void);

/* The signal that came, or 0. */
int signals_caught(void);

#endif
