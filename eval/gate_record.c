/* eval/gate_record.c - what a baseline records of a finished run. */
#include "engine/base/json.h"
#include "eval/gate.h"
#include "eval/gate_credits.h"

#include <math.h>
#include <string.h>

static bool put_text(cJSON *object, const char *key, const char *value)
{
    return !value || cJSON_AddStringToObject(object, key, value);
}

/* NAN is left out. */
static bool put_number(cJSON *object, const char *key, double value)
{
    return !isfinite(value) || cJSON_AddNumberToObject(object, key, value);
}

static bool put_score(cJSON *scores, const char *name, const struct score *score)
{
    cJSON *object = cJSON_AddObjectToObject(scores, name);
    return object && put_number(object, "value", score->value) &&
           put_number(object, "scale", score->scale) && put_number(object, "n", (double)score->n) &&
           put_number(object, "low", score->low) && put_number(object, "high", score->high);
}

/* The headline, and what is checked. */
static bool put_scores(cJSON *recorded, const struct run_record *run, const struct score *credit,
                       const cJSON *checks)
{
    cJSON *scores = cJSON_AddObjectToObject(recorded, "scores");
    bool ok = scores && put_score(scores, GATE_CREDIT, credit);
    for (size_t i = 0; i < run->n_scores && ok; i++) {
        const struct score *score = &run->scores[i];
        if (score->name && (i == run->headline || json_find(checks, score->name)) &&
            strcmp(score->name, GATE_CREDIT) != 0)
            ok = put_score(scores, score->name, score);
    }
    return ok;
}

static bool put_provenance(cJSON *recorded, const struct run_record *run, const cJSON *manifest)
{
    const cJSON *start = json_find(manifest, "starts");
    const cJSON *data = json_find(json_find(manifest, "data"), "sha256");
    const cJSON *machine = json_find(manifest, "machine");
    bool ok =
        put_text(recorded, "mambench", run->version) && put_text(recorded, "model", run->model);
    ok = ok && put_text(recorded, "model_sha256", run->model_hash) &&
         put_text(recorded, "measured", json_string_or(start ? start->child : NULL, "began", NULL));
    ok = ok && put_text(recorded, "precision", run->precision) &&
         put_text(recorded, "kernels", run->kernels) && put_text(recorded, "matmul", run->matmul);
    cJSON *machine_copy = machine ? cJSON_Duplicate(machine, 1) : NULL;
    cJSON *data_copy = data ? cJSON_Duplicate(data, 1) : NULL;
    ok = ok && (!machine || cJSON_AddItemToObject(recorded, "machine", machine_copy));
    ok = ok && (!data || cJSON_AddItemToObject(recorded, "data_sha256", data_copy));
    return ok && put_text(recorded, "prompts_sha256",
                          json_string_or(json_find(manifest, "prompts"), "sha256", NULL));
}

static enum status put_all(cJSON *recorded, const struct run_record *run,
                           const struct run_answers *answers, const cJSON *checks,
                           struct error *err)
{
    struct score credit;
    struct sha256_text hash = gate_samples_hash(&answers->task.set);
    enum status status = gate_credit_score(answers, &credit, err);
    if (status)
        return status;
    bool ok = put_provenance(recorded, run, answers->manifest) &&
              put_text(recorded, "protocol_sha256", answers->task.protocol.hash) &&
              put_number(recorded, "samples", (double)answers->task.set.n_samples) &&
              put_number(recorded, "images", (double)answers->n_images) && hash.hex[0] &&
              put_text(recorded, "samples_sha256", hash.hex) &&
              put_scores(recorded, run, &credit, checks);
    return ok ? gate_credits_put(recorded, answers->credits, answers->task.set.n_samples, err)
              : fail(err, STATUS_NO_MEMORY, "out of memory while recording %s", run->path);
}

enum status gate_record_run(struct gate *gate, const struct run_record *run, const cJSON *checks,
                            cJSON **recorded, struct error *err)
{
    struct run_answers answers;
    enum status status = gate_open_answers(gate, run, &answers, err);
    if (status)
        return status;
    cJSON *object = cJSON_CreateObject();
    status = object ? put_all(object, run, &answers, checks, err)
                    : fail(err, STATUS_NO_MEMORY, "out of memory while recording %s", run->path);
    run_answers_close(&answers);
    if (status)
        cJSON_Delete(object);
    else
        *recorded = object;
    return status;
}
