/* Result files as VQAv2's, VizWiz's and TextVQA's servers take them.  Like the official scorer it
 * refuses a file that does not answer exactly the questions of the set. */
#include "datasets/records.h"
#include "metrics/evalai.h"
#include "metrics/import.h"

static enum status read_entries(struct evalai_join *join, struct error *err)
{
    struct records records;
    enum status status = records_open(&records, join->path, RECORDS_ELEMENTS, err);
    if (status)
        return status;
    const cJSON *entry = NULL;
    while (!(status = records_next(&records, &entry, err)) && entry)
        if ((status = evalai_join_add(join, entry, err)))
            break;
    records_close(&records);
    return status ? status : evalai_join_end(join, err);
}

static enum status import_results(const char *path, struct dataset *set, bool have_dataset,
                                  struct arena *arena, struct prediction **out,
                                  struct import_notes *notes, struct error *err)
{
    if (!have_dataset)
        return fail(err, STATUS_MISMATCH,
                    "%s: a result file holds no labels: name the folder of the benchmark", path);
    struct evalai_join join;
    enum status status = evalai_join_begin(&join, set, path, arena, err);
    if (!status)
        status = read_entries(&join, err);
    if (status)
        return status;
    *out = join.predictions;
    notes->n_lines = join.n_entries;
    notes->n_joined = set->n_samples;
    notes->n_duplicate = join.n_duplicate;
    return STATUS_OK;
}

const struct import_format import_evalai = {
    .name = "evalai",
    .title = "result files for the servers of VQAv2, VizWiz and TextVQA: a JSON array of "
             "question_id (VizWiz: image) and answer",
    .read = import_results,
};
