#include "reports/layout.h"

#include <string.h>

#define COLUMNS(list) (list), sizeof(list) / sizeof((list)[0])

/* The six benchmarks as Cobra and ML-Mamba ask them. */
#define SIX_BENCHMARKS                                                                             \
    {LAYOUT_SCORE, "VQAv2", "vqav2", "vqav2@triml", NULL, false, false},                           \
        {LAYOUT_SCORE, "GQA", "gqa", "gqa@triml", NULL, false, false},                             \
        {LAYOUT_SCORE, "VizWiz", "vizwiz", "vizwiz@triml", NULL, false, false},                    \
        {LAYOUT_SCORE, "TextVQA", "textvqa", "textvqa@cobra", NULL, false, false},                 \
        {LAYOUT_SCORE, "VSR", "vsr", "vsr@triml", NULL, false, false},                             \
    {                                                                                              \
        LAYOUT_SCORE, "POPE", "pope", "pope@triml", NULL, false, false                             \
    }

static const struct layout_column systems[] = {
    SIX_BENCHMARKS,
    {LAYOUT_RATE, "Tokens/s", NULL, NULL, NULL, false, false},
    {LAYOUT_FIRST_TOKEN, "TTFT, ms", NULL, NULL, NULL, false, false},
    {LAYOUT_PARAMETERS, "Parameters, M", NULL, NULL, NULL, false, true},
    {LAYOUT_VISUAL_TOKENS, "Visual tokens", NULL, NULL, NULL, false, true},
    {LAYOUT_MEMORY, "Memory, MB", NULL, NULL, NULL, false, false},
};

static const struct layout_column cobra_table2[] = {
    {LAYOUT_LANGUAGE_MODEL, "Language model", NULL, NULL, NULL, false, true},
    {LAYOUT_PARAMETERS, "Parameters, M", NULL, NULL, NULL, false, true},
    SIX_BENCHMARKS,
};

static const struct layout_column cobra_table3[] = {
    {LAYOUT_LANGUAGE_MODEL, "Language model", NULL, NULL, NULL, false, true},
    {LAYOUT_PARAMETERS, "Parameters, M", NULL, NULL, NULL, false, true},
    {LAYOUT_VISUAL_TOKENS, "Visual tokens", NULL, NULL, NULL, false, true},
    {LAYOUT_RATE, "Tokens/s", NULL, NULL, NULL, false, false},
    {LAYOUT_TOTAL_TIME, "Total, s", NULL, NULL, NULL, false, false},
};

static const struct layout_column ml_mamba_table2[] = {
    {LAYOUT_LANGUAGE_MODEL, "Language model", NULL, NULL, NULL, false, true},
    SIX_BENCHMARKS,
};

#define POPE_SPLIT(split, title)                                                                   \
    {LAYOUT_SCORE, title " acc.", "pope", "pope@triml", split "/accuracy", true, false},           \
        {LAYOUT_SCORE, title " F1", "pope", "pope@triml", split "/f1", true, false},               \
    {                                                                                              \
        LAYOUT_SCORE, title " yes", "pope", "pope@triml", split "/yes-ratio", true, true           \
    }

static const struct layout_column pope_splits[] = {
    POPE_SPLIT("random", "Rand."),
    POPE_SPLIT("popular", "Pop."),
    POPE_SPLIT("adversarial", "Adv."),
    {LAYOUT_SCORE, "Headline", "pope", "pope@triml", NULL, true, false},
};

#define VSR_CATEGORY(name)                                                                         \
    {                                                                                              \
        LAYOUT_SCORE, name, "vsr", "vsr@triml", "category/" name "/accuracy", true, false          \
    }

static const struct layout_column vsr_categories[] = {
    VSR_CATEGORY("Adjacency"),   VSR_CATEGORY("Directional"),
    VSR_CATEGORY("Orientation"), VSR_CATEGORY("Projective"),
    VSR_CATEGORY("Proximity"),   VSR_CATEGORY("Topological"),
    VSR_CATEGORY("Unallocated"), {LAYOUT_SCORE, "All", "vsr", "vsr@triml", NULL, true, false},
};

const struct table_layout table_layouts[] = {
    {"systems", "Systems by benchmarks", COLUMNS(systems), true, NULL, NULL},
    {"cobra-table2", "Accuracy in the columns of Cobra's table 2", COLUMNS(cobra_table2), false,
     NULL,
     "openflamingo,blip-2,minigpt-4,instructblip-7b,instructblip-13b,shikra,idefics-9b,idefics-80b,"
     "qwen-vl,llava-1.5-7b,cobra-8b,moe-llava-stablelm,moe-llava-phi2,llava-phi-3b,"
     "mobilevlm-v2-3b,cobra"},
    {"cobra-table3", "Speed in the columns of Cobra's table 3", COLUMNS(cobra_table3), false,
     "cobra-table3", "moe-llava-phi2,llava-phi-3b,mobilevlm-v2-3b,cobra,cobra-ldpv2,cobra-8b"},
    {"ml-mamba-table2", "Accuracy in the columns of ML-Mamba's table 2", COLUMNS(ml_mamba_table2),
     false, NULL,
     "blip-2,minigpt-4,instructblip-7b,instructblip-13b,shikra,idefics-9b,idefics-80b,qwen-vl,"
     "llava-1.5-7b,llava-1.5-13b,tinyllava-3.1b,llava-phi-3b,mobilevlm-3b,vl-mamba,ml-mamba"},
    {"pope-splits", "POPE by split", COLUMNS(pope_splits), false, NULL,
     "llava-1.5-7b,llava-1.5-13b"},
    {"vsr-categories", "VSR by meta-category", COLUMNS(vsr_categories), false, NULL, NULL},
    {0},
};

const struct table_layout *table_layout_find(const char *name)
{
    for (size_t i = 0; table_layouts[i].name; i++)
        if (strcmp(table_layouts[i].name, name) == 0)
            return &table_layouts[i];
    return NULL;
}
