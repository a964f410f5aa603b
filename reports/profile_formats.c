#include "reports/profile.h"

#include <string.h>

extern const struct profile_format profile_table, profile_csv, profile_json, profile_jsonl,
    profile_md;

const struct profile_format *const profile_formats[] = {
    &profile_table, &profile_csv, &profile_json, &profile_jsonl, &profile_md, NULL,
};

const struct profile_format *profile_format_find(const char *name)
{
    for (size_t i = 0; profile_formats[i]; i++)
        if (strcmp(profile_formats[i]->name, name) == 0)
            return profile_formats[i];
    return NULL;
}
