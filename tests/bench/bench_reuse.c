/* bench_reuse [PAIRS [SYSTEM...]] - questions a second with each picture read once and its
 * questions computed together, against one question at a time without reuse (`make bench`).
 *
 * The work has POPE's shape (18 questions an image, first token only) and GQA's (31.6, answers of
 * three tokens), prompts of about 33 tokens as the real ones have, all different.  Towers and
 * decoder have their true width and DEPTH_CUT times fewer layers, weights are random.  Both ways
 * run in turn through the program's own loop; the answers must be the same bits.
 *
 * Beside the ratio stands the one that the counts of operations allow: 2 x rows x weights of the
 * products; attention, scans and norms count nothing, the head runs once for every token chosen. */
#include "engine/base/file.h"
#include "engine/card.h"
#include "eval/answerer.h"
#include "tests/bench/bench.h"
#include "engine/work.h"

#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH_CUT = 8, MOST_IMAGES = 6, MOST_QUESTIONS = 32, SLOW_QUESTIONS = 3 };

static const char *const all_systems[] = {"cobra+3b", "mlmamba+3b", "mobilevlm-v2-3b",
                                          "tinyllava-3.1b", NULL};

/* What is asked: images x questions, as a benchmark has them. */
struct shape {
    const char *name, *protocol;
    size_t n_images;
    size_t n_questions[MOST_IMAGES]; /* of each image */
    int new_tokens;
};

static const struct shape shapes[] = {
    {"POPE", "pope@triml", 3, {18, 18, 18}, 0},
    {"GQA", "gqa@triml", 5, {32, 32, 31, 32, 31}, 3},
};

/* One system with the work it is to do. */
struct bench {
    struct card card;
    struct answerer answerer;
    struct protocol protocol;
    struct dataset set;
    const struct shape *shape;
    const char **prompts; /* [set.n_samples] */
    size_t n_prompt_tokens;
    struct arena arena;
};

static char directory[] = "/tmp/mambench-reuse-XXXXXX";

/* The preset with fewer layers, as a model directory without weights. */
static enum status write_model(struct bench *bench, const char *system, struct error *err)
{
    struct text text;
    text_init(&text);
    enum status status = card_preset(&bench->card, system, &bench->arena, err);
    for (size_t i = 0; !status && i < bench->card.n_towers; i++)
        bench->card.towers[i].layers /= DEPTH_CUT;
    bench->card.lm.layers /= DEPTH_CUT;
    bench->card.tokenizer = NULL;
    if (!status)
        card_write(&bench->card, &text);
    const char *path = path_join(&bench->arena, directory, "model.json");
    if (!status)
        status = file_write(path, text_string(&text), text.length, err);
    text_release(&text);
    return status;
}

/* Questions whose prompts have about the length of the real ones (32 tokens of Cobra's tokenizer
 * for POPE): Cobra's template alone takes half of that from the synthetic tokenizer. */
static void make_samples(struct bench *bench)
{
    bool is_long = strcmp(bench->card.template, "zephyr") == 0;
    const char *more = is_long ? "" : " a b c d e f g h i j k l m n o";
    size_t n = 0;
    for (size_t i = 0; i < bench->shape->n_images; i++)
        for (size_t q = 0; q < bench->shape->n_questions[i]; q++) {
            struct sample *sample = &bench->set.samples[n];
            sample->id = arena_printf(&bench->arena, "%zu", n);
            sample->image_name = arena_printf(&bench->arena, "COCO_val2014_%012zu.png", i + 1);
            sample->image_path = arena_printf(&bench->arena, "examples/mini-bench/pope/val2014/%s",
                                              sample->image_name);
            sample->question = arena_printf(&bench->arena, "Is %zu%s?", n, more);
            n++;
        }
    bench->set.n_samples = n;
}

static enum status make_work(struct bench *bench, struct error *err)
{
    enum { MOST = MOST_IMAGES * MOST_QUESTIONS };
    struct arena *arena = &bench->arena;
    bench->set.samples = arena_alloc_small(arena, MOST, sizeof *bench->set.samples);
    bench->prompts = arena_alloc_small(arena, MOST, sizeof *bench->prompts);
    if (!bench->prompts)
        return fail(err, STATUS_NO_MEMORY, "out of memory");
    make_samples(bench);
    enum status status = protocol_open(&bench->protocol, bench->shape->protocol, arena, err);
    if (!status)
        status = bench->answerer.kind->begin(&bench->answerer, &bench->set, &bench->protocol, err);
    for (size_t i = 0; !status && i < bench->set.n_samples; i++) {
        struct text prompt;
        text_init(&prompt);
        bench->answerer.kind->prompt(&bench->answerer, &bench->set.samples[i], &prompt);
        bench->prompts[i] = arena_string(arena, text_string(&prompt));
        text_release(&prompt);
    }
    return arena_failed(arena) ? fail(err, STATUS_NO_MEMORY, "out of memory") : status;
}

/* Asks samples [first, first + n) one way; questions a second.  texts [n] keeps the answers. */
static enum status ask(struct bench *bench, size_t first, size_t n, bool reuse, double *per_second,
                       struct answer *kept, struct error *err)
{
    static struct answer answers[ANSWERER_MOST_QUESTIONS];
    struct question questions[ANSWERER_MOST_QUESTIONS];
    enum status status =
        bench->answerer.kind->begin(&bench->answerer, &bench->set, &bench->protocol, err);
    bench->answerer.options.every_image_anew = !reuse;
    int64_t start = clock_ns();
    for (size_t done = 0; !status && done < n;) {
        size_t n_answered = 0;
        for (size_t i = done; i < n; i++)
            questions[i - done] = (struct question){first + i, bench->prompts[first + i]};
        status = bench->answerer.kind->answer(&bench->answerer, questions, n - done, answers,
                                              &n_answered, err);
        for (size_t i = 0; !status && i < n_answered; i++) {
            if (answers[i].failure)
                return fail(err, STATUS_BAD_FORMAT, "%s", answers[i].failure);
            kept[first + done + i] = answers[i];
            kept[first + done + i].text = NULL; /* is gone with the next answers */
        }
        bench->n_prompt_tokens = answers[0].n_prompt_tokens;
        done += n_answered;
    }
    *per_second = (double)n / bench_seconds_since(start);
    return status;
}

/* The ratio of the counts: operations of all questions alone, over those of all with reuse. */
static double allowed_ratio(const struct bench *bench)
{
    const struct engine_info *info = engine_info(answerer_model(&bench->answerer));
    const struct card *card = &bench->card;
    double rows = 2 * work_layer_weights(&card->lm) * card->lm.layers; /* of one row */
    double head = 2.0 * (double)info->vocabulary * card->lm.width;
    double picture = work_towers(card) + work_connector(card) +
                     rows * (info->image_tokens + info->tokens_before);
    int tokens = bench->shape->new_tokens > 0 ? bench->shape->new_tokens : 1;
    double question = rows * ((double)bench->n_prompt_tokens + tokens - 1) + head * tokens;
    double n = (double)bench->set.n_samples, images = (double)bench->shape->n_images;
    return n * (picture + question) / (images * picture + n * question);
}

static bool same_answers(const struct answer *a, const struct answer *b)
{
    return a->n_tokens == b->n_tokens && a->n_choices == b->n_choices &&
           memcmp(a->logits, b->logits, sizeof a->logits) == 0;
}

static enum status run_pairs(struct bench *bench, int pairs, struct error *err)
{
    enum { MOST = MOST_IMAGES * MOST_QUESTIONS };
    static struct answer together[MOST], alone[MOST];
    double fast[BENCH_MAX_PAIRS], slow[BENCH_MAX_PAIRS], ratio[BENCH_MAX_PAIRS], unused;
    size_t n = bench->set.n_samples;
    enum status status = ask(bench, 0, n, true, &unused, together, err); /* warm-up */
    for (int i = 0; !status && i < pairs; i++) {
        size_t first = (size_t)i * SLOW_QUESTIONS % (n - SLOW_QUESTIONS);
        status = ask(bench, first, SLOW_QUESTIONS, false, &slow[i], alone, err);
        if (!status)
            status = ask(bench, 0, n, true, &fast[i], together, err);
        ratio[i] = fast[i] / slow[i];
        for (size_t k = first; !status && k < first + SLOW_QUESTIONS; k++)
            if (!same_answers(&together[k], &alone[k]))
                status = fail(err, STATUS_MISMATCH, "question %zu has two answers", k);
    }
    if (status)
        return status;
    double allowed = allowed_ratio(bench), middle = bench_median(ratio, pairs);
    printf("  %s-shaped, %zu questions about %zu images, prompts of %zu tokens: %.3f questions/s "
           "alone, %.3f together: %.1f times (%.1f to %.1f, %d pairs); operations allow %.1f: "
           "%.0f %% of it\n",
           bench->shape->name, n, bench->shape->n_images, bench->n_prompt_tokens,
           bench_median(slow, pairs), bench_median(fast, pairs), middle, ratio[0], ratio[pairs - 1],
           pairs, allowed, middle / allowed * 100);
    fflush(stdout);
    return STATUS_OK;
}

static enum status run_system(const char *system, int pairs, struct error *err)
{
    static struct bench bench;
    struct answerer_options options = {.model = directory};
    bench = (struct bench){0};
    arena_init(&bench.arena);
    engine_options_init(&options.engine);
    options.engine.random_weights = true;
    enum status status = write_model(&bench, system, err);
    if (!status)
        status = answerer_open(&bench.answerer, &options, err);
    if (!status) {
        const struct engine_info *info = bench.answerer.facts.engine;
        printf("%s, %d times fewer layers, random weights, %s, %s kernels, %d threads\n",
               info->name, DEPTH_CUT, precision_name(info->precision), info->kernels,
               info->threads);
    }
    for (size_t i = 0; !status && i < sizeof shapes / sizeof shapes[0]; i++) {
        bench.shape = &shapes[i];
        bench.answerer.options.max_new_tokens = shapes[i].new_tokens;
        status = make_work(&bench, err);
        if (!status)
            status = run_pairs(&bench, pairs, err);
    }
    answerer_close(&bench.answerer);
    arena_release(&bench.arena);
    return status;
}

int main(int argc, char **argv)
{
    struct error err = {""};
    int pairs = bench_pairs(argc, argv, 1, 5);
    enum status status = STATUS_OK;
    if (pairs == 0 || !mkdtemp(directory))
        return 2;
    const char *const *systems = argc > 2 ? (const char *const *)argv + 2 : all_systems;
    for (size_t i = 0; !status && systems[i]; i++)
        status = run_system(systems[i], pairs, &err);
    char path[sizeof directory + 16];
    snprintf(path, sizeof path, "%s/model.json", directory);
    unlink(path);
    rmdir(directory);
    return status ? bench_die(argv[0], &err) : 0;
}
