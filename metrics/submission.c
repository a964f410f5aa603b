#include "metrics/submission.h"

#include <string.h>

submission_writer *submission_writer_find(const char *dataset)
{
    static const struct {
        const char *dataset;
        submission_writer *write;
    } writers[] = {
        {"gqa", submission_add_gqa},
        {"pope", submission_add_pope},
        {"vsr", submission_add_vsr},
    };
    for (size_t i = 0; i < sizeof writers / sizeof writers[0]; i++)
        if (strcmp(writers[i].dataset, dataset) == 0)
            return writers[i].write;
    return NULL;
}
