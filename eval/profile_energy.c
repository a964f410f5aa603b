/* eval/profile_energy.c - energy from the kernel's powercap files (Intel's and AMD's RAPL). */
#include "eval/profile.h"

#include <math.h>
#include <stdio.h>

double profile_energy_joules(void)
{
    enum { MOST_PACKAGES = 16 };
    double joules = 0;
    int found = 0;
    for (int package = 0; package < MOST_PACKAGES; package++) {
        char path[128];
        double microjoules;
        snprintf(path, sizeof path, "/sys/class/powercap/intel-rapl:%d/energy_uj", package);
        FILE *file = fopen(path, "r");
        if (!file)
            break;
        if (fscanf(file, "%lf", &microjoules) == 1) {
            joules += microjoules * 1e-6;
            found++;
        }
        fclose(file);
    }
    return found > 0 ? joules : (double)NAN;
}
