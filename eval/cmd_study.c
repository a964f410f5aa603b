/* eval/cmd_study.c - `mambench study`: a closer look at finished runs of one benchmark. */
#include "eval/command.h"
#include "eval/model_options.h"
#include "eval/study.h"

#include <string.h>

static const char *const formats[] = {"table", "md", "json", NULL};

static const char *const words[] = {
#define X(name) #name,
    STUDY_LIST(X)
#undef X
        NULL,
};

static const struct option_spec options_table[] = {
    {"out", 'o', OPTION_DIRECTORY, "DIR",
     "write every table as csv, and study.md, into this folder", NULL, NULL, false},
    {"coco", 0, OPTION_FILE, "FILE",
     "hallucination: count frequency and co-occurrence in COCO's instances, such as "
     "instances_val2014.json",
     NULL, NULL, false},
    {"bins", 0, OPTION_COUNT, "N", "hallucination: bins of equal mass for the calibration", "10",
     NULL, false},
    {"top", 0, OPTION_COUNT, "N", "hallucination: list N objects", "10", NULL, false},
    {"examples", 0, OPTION_COUNT, "N", "hallucination: of each of them, N examples", "1", NULL,
     false},
    {"least", 0, OPTION_COUNT, "N",
     "spatial: relations with fewer captions are put together by category", "20", NULL, false},
    {"extra", 0, OPTION_DIRECTORY, "RUN",
     "spatial: the same model's answers to the questions that --write-questions made; once for "
     "each run, in their order",
     NULL, NULL, true},
    {"write-questions", 0, OPTION_DIRECTORY, "DIR",
     "spatial: write the converse and the negation of captions, those of RUN or of --data, as a "
     "VSR folder for `mambench run`",
     NULL, NULL, false},
    {"task", 0, OPTION_TEXT, "PROTOCOL", "spatial: with --write-questions, whose captions",
     "vsr@triml", NULL, false},
    PAIRING_OPTION_ROWS,
    {"draws", 0, OPTION_COUNT, "N", "signs drawn by the permutation test, at least 999", "9999",
     NULL, false},
    {"seed", 0, OPTION_COUNT, "N", "of these draws and of resamples", "0", NULL, false},
    {"format", 0, OPTION_CHOICE, "NAME", "what to print", "table", formats, false},
    {"json", 0, OPTION_FLAG, NULL, "the same as --format json", NULL, NULL, false},
    {0},
};

static const char *const notes[] = {
    "hallucination (POPE): rates of yes, d', criterion, areas and calibration by split; false "
    "alarms by object, by frequency and by co-occurrence; examples. Answers without probabilities "
    "leave the columns blank that read them.",
    "spatial (VSR): accuracy and bias by relation and meta-category; with --extra, whether a model "
    "says the same of \"A is left of B\" and \"B is right of A\", and not the same of \"A is right "
    "of B\" and \"A is not left of B\".",
    "RUN is a finished run directory or a folder of them. Several runs are tested against the "
    "first: a sign-flip permutation by image decides after Holm's correction. No model is needed, "
    "but the benchmark's files are. Answers of other programs become runs by `mambench score "
    "--predictions FILE --out RUN`.",
    "--out writes answers, probabilities, reliability, roc, frequency, cooccurrence, objects, "
    "hallucinated and examples.csv, or categories, relations, orientation, consistency and "
    "consistency_relations.csv; runs.csv and, of several runs, tests.csv. The first line names the "
    "columns: shares are from 0 to 1, X_low and X_high are the ends of X's 95 % interval, blank is "
    "not measured. roc.csv: questions, threshold, false_alarm_rate, hit_rate; reliability.csv: "
    "questions, bin, n, p_low, p_high (the bin's range), mean_p, share_yes; relations.csv: "
    "category, "
    "relation, relations (how many are together), n, accuracy.",
    NULL,
};

static const char *const examples[] = {
    "mambench study hallucination runs/cobra-pope runs/llava-pope --out tables",
    "mambench study hallucination runs/cobra-pope --coco annotations/instances_val2014.json",
    "mambench study spatial --write-questions made --data vsr",
    "mambench run --model cobra --task vsr@triml --data made --out runs/cobra-made",
    "mambench study spatial runs/cobra-vsr --extra runs/cobra-made",
    NULL,
};

static bool is_among(const char *name, const char *const *names)
{
    for (size_t i = 0; names[i]; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* An option of another study would be ignored in silence. */
static enum status check_options(const struct study *study, const struct options *options,
                                 struct error *err)
{
    for (size_t s = 0; studies[s]; s++)
        for (size_t i = 0; studies[s]->own_options[i] && studies[s] != study; i++) {
            const char *name = studies[s]->own_options[i];
            if (option_given(options, name) && !is_among(name, study->own_options))
                return fail(err, STATUS_USAGE, "--%s is for the study '%s'", name,
                            studies[s]->name);
        }
    uint64_t seed, draws = option_count(options, "draws");
    if (draws < 999 || draws > 100000000)
        return fail(err, STATUS_USAGE, "--draws is a number from 999 to 100000000");
    return option_seed(options, &seed, err);
}

static enum exit_code run(const struct options *options, struct error *err)
{
    const char *name = options->n_operands > 0 ? options->operands[0] : NULL;
    const struct study *study = name ? study_find(name) : NULL;
    enum status status = STATUS_OK;
    if (!study) {
        size_t n = sizeof words / sizeof words[0] - 1;
        const char *near = name ? closest_name(name, words, n) : NULL;
        status =
            name ? fail(err, STATUS_USAGE, "there is no study '%s'; %s %s", name,
                        near ? "did you mean" : "there is:", near ? near : "hallucination, spatial")
                 : fail(err, STATUS_USAGE, "a study is expected: hallucination or spatial");
    }
    if (!status)
        status = check_options(study, options, err);
    return status ? exit_of_status(status) : study->run(study, options, err);
}

const struct command command_study = {
    .name = "study",
    .summary = "Looks closer at finished runs: hallucination on POPE, spatial relations on VSR",
    .operands = "hallucination|spatial RUN...",
    .words = words,
    .operand_type = OPTION_DIRECTORY,
    .options = options_table,
    .notes = notes,
    .examples = examples,
    .run = run,
};
