/* metrics/power.h - what a sample can show, from the standard error it gave.
 *
 * Normal approximation: a difference is shown if it is 1.96 errors from 0 in the right direction
 * (Miller, arXiv 2411.00640, section 5).  Errors are cluster-robust; more samples means more images
 * with as many questions each.  Differences and errors are in the same unit. */
#ifndef MAMBENCH_METRICS_POWER_H
#define MAMBENCH_METRICS_POWER_H

/* The difference that is shown in 80 of 100 such samples. */
double power_detectable(double error);

/* The same for two scores from unrelated samples, each with a 95 % interval of this half width:
 * what one run can say of another that is not there yet.  Runs on the same samples, paired, show
 * less. */
double power_detectable_apart(double half_width);

/* How often a true difference is shown, 0..1; 1 where error is 0 and the difference is not. */
double power_of(double difference, double error);

/* How many images show the difference in 80 of 100 samples, where n_images gave that error. */
double power_images(double difference, double error, double n_images);

#endif
