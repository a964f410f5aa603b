/* metrics/rounding.h - round(x, 2) as the reference scorers' Pythons do it. */
#ifndef MAMBENCH_METRICS_ROUNDING_H
#define MAMBENCH_METRICS_ROUNDING_H

/* Python 3: from the exact binary value, ties to even. */
double round2(double x);

/* Python 2.7: the same, but ties away from zero. */
double round2_python2(double x);

#endif
