/* engine/selftest_fixture.c - a reference fixture against this engine, field by field.
 *
 * f32 is held to the bounds that two independent implementations kept; bf16 to a multiple of what
 * the reference itself loses in bf16 (the fixture's "tolerance"). */
#include "engine/selftest_fixture.h"

#include "engine/base/file.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Bound of a choice's probability in f32. */
static const double probability_bound = 1e-4;

/* Opening: the card from the files, the hyper-parameters from the fixture. */

static void override_triple(float out[3], const cJSON *array)
{
    for (int i = 0; i < 3 && cJSON_GetArraySize(array) == 3; i++)
        out[i] = (float)cJSON_GetArrayItem(array, i)->valuedouble;
}

/* Leading rows that are patches: the fixtures count a Transformers tower's cls token among those
 * that are dropped, and none of timm's prefix. */
static int skipped_patches(const struct card_tower *tower, const cJSON *hparams)
{
    int dropped = json_int_or(hparams, "drop_leading", 0);
    bool counts_cls = strcmp(tower->naming, "transformers") == 0 && tower->cls_token;
    return counts_cls && dropped > 0 ? dropped - 1 : dropped;
}

static enum status override_tower(struct fixture *f, const cJSON *hparams)
{
    const char *name = json_string_or(hparams, "name", "");
    struct card_tower *tower = NULL;
    for (size_t i = 0; i < f->card.n_towers; i++)
        if (strcmp(f->card.towers[i].name, name) == 0)
            tower = &f->card.towers[i];
    if (!tower)
        return fail(f->err, STATUS_UNSUPPORTED,
                    "%s/reference.json: hparams.towers names '%s', which the files do not have",
                    f->directory, name);
    tower->heads = json_int_or(hparams, "heads", tower->heads);
    tower->layers = json_int_or(hparams, "layers_run", tower->layers);
    tower->eps = json_number_or(hparams, "eps", tower->eps);
    tower->activation =
        arena_string(&f->arena, json_string_or(hparams, "activation", tower->activation));
    tower->skip_patches = skipped_patches(tower, hparams);
    tower->preprocess.half_pixels = false; /* the variants say where pixels are rounded */
    override_triple(tower->preprocess.mean, json_find(hparams, "mean"));
    override_triple(tower->preprocess.std, json_find(hparams, "std"));
    const char *rescale = json_string_or(hparams, "rescale", NULL);
    return rescale ? rescale_parse(rescale, &tower->preprocess.rescale, f->err) : STATUS_OK;
}

static void override_lm(struct card_lm *lm, const cJSON *hparams)
{
    lm->eps = json_number_or(hparams, "eps", lm->eps);
    lm->bos = json_int_or(hparams, "bos", lm->bos);
    lm->eos = json_int_or(hparams, "eos", lm->eos);
    lm->head_dim = json_int_or(hparams, "head_dim", lm->head_dim);
    lm->head_dim = json_int_or(hparams, "headdim", lm->head_dim);
    lm->heads = json_int_or(hparams, "heads", lm->heads);
    lm->kv_heads = json_int_or(hparams, "kv_heads", lm->kv_heads);
    lm->rope_dims = json_int_or(hparams, "rope_dims", lm->rope_dims);
    lm->rope_theta = json_number_or(hparams, "rope_theta", lm->rope_theta);
}

/* What every tower's pixels go through. */
static void set_picture(struct card *card, int size, enum resize_strategy strategy)
{
    card->image_size = size;
    for (size_t i = 0; i < card->n_towers; i++) {
        card->towers[i].preprocess.size = size;
        card->towers[i].preprocess.strategy = strategy;
    }
}

/* A fixture's "crop" is each processor's own: torchvision's offsets are rounded, CLIP's floored. */
static enum status parse_resize(const struct card *card, const char *name,
                                enum resize_strategy *out, struct error *err)
{
    enum status status = resize_strategy_parse(name, out, err);
    if (!status && *out == RESIZE_CENTRE && strcmp(card->towers[0].naming, "timm") == 0)
        *out = RESIZE_CROP;
    return status;
}

static enum status override_card(struct fixture *f)
{
    const cJSON *hparams = json_find(f->root, "hparams"), *tower;
    const cJSON *connector = json_find(hparams, "connector");
    enum resize_strategy strategy = f->card.towers[0].preprocess.strategy;
    const char *resize = json_string_or(hparams, "resize", NULL);
    enum status status = resize ? parse_resize(&f->card, resize, &strategy, f->err) : STATUS_OK;
    cJSON_ArrayForEach(tower, json_find(hparams, "towers"))
    {
        if (!status)
            status = override_tower(f, tower);
    }
    set_picture(&f->card, json_int_or(hparams, "image_size", f->card.image_size), strategy);
    f->card.connector.eps = json_number_or(connector, "layer_norm_eps", f->card.connector.eps);
    override_lm(&f->card.lm, json_find(hparams, "lm"));
    const char *chat = json_string_or(json_find(f->root, "prompt"), "template", NULL);
    if (chat && chat_template_find(chat))
        f->card.template = chat_template_find(chat)->name;
    return status ? status : card_check(&f->card, f->directory, f->err);
}

static enum status open_reference_tensors(struct fixture *f)
{
    const char *path = path_join(&f->arena, f->directory, "reference.safetensors");
    if (!path || !file_exists(path))
        return path ? STATUS_OK : fail(f->err, STATUS_NO_MEMORY, "out of memory");
    return tensor_file_open(&f->tensors, path, f->err);
}

static enum status open_fixture(struct fixture *f, const struct engine_options *options)
{
    const char *family = json_string_or(f->root, "family", "");
    enum status status = card_detect_shapes(&f->card, f->directory, &f->arena, f->err);
    if (!status && strcmp(family, f->card.family) != 0)
        status = fail(f->err, STATUS_MISMATCH,
                      "%s: reference.json is of the family '%s', the files are of '%s'",
                      f->directory, family, f->card.family);
    if (!status)
        status = override_card(f);
    if (!status)
        status = open_reference_tensors(f);
    if (!status)
        status = engine_open_card(&f->engine, &f->card, options, f->err);
    if (!status)
        status = session_open(&f->session, f->engine, f->err);
    if (status)
        return status;
    const cJSON *tolerance = json_find(f->root, "tolerance"), *bf16 = json_find(tolerance, "bf16");
    f->exact = f->engine->info.precision == PRECISION_F32;
    f->logit_factor =
        f->engine->info.precision == PRECISION_INT8 ? FIXTURE_INT8_FACTOR : FIXTURE_BF16_FACTOR;
    f->logit_bound = f->exact ? json_number_or(tolerance, "fp32_logits_abs", 1e-3)
                              : f->logit_factor * json_number_or(bf16, "logits_max_abs", 0);
    f->row_bound = FIXTURE_BF16_FACTOR * json_number_or(bf16, "image_rows_rel_l2", 0);
    return STATUS_OK;
}

/* The stages. */

/* The cases on one of the tokenizer's files; a BOS stands in front where the model has one. */
static enum status check_tokenizer_file(struct fixture *f, const char *role)
{
    const char *file = json_string_or(json_find(f->root, "files"), role, NULL);
    const char *path = file ? path_join(&f->arena, f->directory, file) : NULL;
    struct tokenizer *tokenizer;
    const cJSON *item;
    int n = 0;
    if (!file)
        return STATUS_OK;
    if (!path)
        return fail(f->err, STATUS_NO_MEMORY, "out of memory while checking a fixture");
    enum status status = tokenizer_open(&tokenizer, path, f->err);
    if (status)
        return status;
    cJSON_ArrayForEach(item, json_find(f->root, "tokenizer_cases"))
    {
        const char *string = json_string_or(item, "text", "");
        struct token_list ids;
        token_list_init(&ids);
        if (f->card.lm.bos >= 0 && !token_list_add(&ids, f->card.lm.bos))
            status = fail(f->err, STATUS_NO_MEMORY, "out of memory while checking a fixture");
        if (!status)
            status = tokenizer_encode(tokenizer, string, strlen(string), &ids, f->err);
        if (!status)
            fixture_compare_ids(f, arena_printf(&f->arena, "%s case %d", role, n++), ids.ids, ids.n,
                                json_find(item, "ids"));
        token_list_release(&ids);
    }
    tokenizer_close(tokenizer);
    return status;
}

/* The prompt's ids as the reference lists them: its picture is -200. */
static enum status prompt_ids(struct fixture *f, const char *prompt, struct token_list *ids)
{
    enum { IMAGE_ID = -200 };
    const struct engine *engine = f->engine;
    bool inside = engine->chat->image_in_prompt;
    size_t length;
    const char *rest;
    enum status status = chat_split(engine->chat, prompt, &length, &rest, f->err);
    if (!status && engine->card.lm.bos >= 0 && !token_list_add(ids, engine->card.lm.bos))
        status = fail(f->err, STATUS_NO_MEMORY, "out of memory while checking a fixture");
    if (!status && inside)
        status = engine_tokenize(engine, prompt, length, ids, f->err);
    if (!status && inside && !token_list_add(ids, IMAGE_ID))
        status = fail(f->err, STATUS_NO_MEMORY, "out of memory while checking a fixture");
    return status ? status : engine_tokenize(engine, rest, strlen(rest), ids, f->err);
}

static enum status check_tokenizer(struct fixture *f)
{
    const cJSON *prompt = json_find(f->root, "prompt");
    struct token_list ids;
    struct text text;
    token_list_init(&ids);
    text_init(&text);
    enum status status = check_tokenizer_file(f, "tokenizer");
    if (!status)
        status = check_tokenizer_file(f, "tokenizer_model");
    engine_prompt(f->engine, json_string_or(prompt, "question", ""), &text);
    fixture_compare_text(f, "prompt.text", text_string(&text), json_string_or(prompt, "text", ""));
    if (!status)
        status = prompt_ids(f, text_string(&text), &ids);
    if (!status)
        fixture_compare_ids(f, "prompt.ids", ids.ids, ids.n, json_find(prompt, "ids"));
    text_release(&text);
    token_list_release(&ids);
    return status;
}

static void compare_image_hash(struct fixture *f, const char *name, const struct image *image,
                               const char *want)
{
    struct sha256_text hash =
        sha256_bytes(image->pixels, 3 * (size_t)image->width * (size_t)image->height);
    fixture_compare_text(f, name, hash.hex, want);
}

/* One tower's normalised tensor. */
static void compare_pixels(struct fixture *f, const char *prefix, size_t tower, const cJSON *want)
{
    size_t size = (size_t)f->card.image_size, n = 3 * size * size;
    const float *pixels = f->session->pixels + tower * n;
    const char *name = fixture_label(
        f, prefix, arena_printf(&f->arena, "preprocess.%s", f->card.towers[tower].name));
    double largest = 0;
    fixture_report_bound(f, fixture_label(f, name, "first16"),
                         fixture_array_difference(pixels, n, json_find(want, "first16"), &largest),
                         1e-6, "max |delta|");
    fixture_compare_sums(f, name, pixels, n, want, 1);
}

/* Reads a picture and checks it up to the towers' input. */
static enum status check_picture(struct fixture *f, const char *prefix, const char *file,
                                 const cJSON *rgb, const cJSON *pre)
{
    struct image image = {0}, resized = {0};
    const char *path = path_join(&f->arena, f->directory, file);
    if (!path)
        return fail(f->err, STATUS_NO_MEMORY, "out of memory while checking a fixture");
    enum status status = image_read(&image, path, NULL, f->err);
    if (status)
        return status;
    compare_image_hash(f, fixture_label(f, prefix, "image.rgb_sha256"), &image,
                       json_string_or(rgb, "rgb_sha256", ""));
    status = preprocess_resize(&f->engine->card.towers[0].preprocess, &image, &resized, f->err);
    if (!status) {
        compare_image_hash(f, fixture_label(f, prefix, "preprocess.resized_sha256"), &resized,
                           json_string_or(pre, "resized_sha256", ""));
        image_release(&resized);
        status = session_prepare_image(f->session, f->err);
    }
    if (!status)
        status = session_preprocess(f->session, &image, f->err);
    image_release(&image);
    for (size_t i = 0; !status && i < f->card.n_towers; i++)
        compare_pixels(f, prefix, i, cJSON_GetArrayItem(json_find(pre, "tensors"), (int)i));
    return status;
}

/* Towers and connector; leaves the session's state after the picture. */
static enum status check_vision(struct fixture *f, const char *prefix, const cJSON *vision,
                                const struct reference *rows)
{
    struct session *session = f->session;
    const struct connector *connector = f->engine->connector;
    struct image_pass pass;
    compute_use_threads(&session->compute);
    session_reset(session);
    session_run_towers(session, &pass);
    size_t n = (size_t)connector->n_in, width = (size_t)connector->in_width, column = 0;
    enum status status = STATUS_OK;
    for (size_t i = 0; !status && i < f->card.n_towers; i++) {
        int tower_width = f->engine->towers[i]->width;
        const float *columns = pass.features + column;
        column += (size_t)tower_width;
        if (!json_find(vision, f->card.towers[i].name))
            continue;
        float *own = arena_alloc(&f->arena, n * (size_t)tower_width, sizeof *own);
        const char *name = arena_printf(&f->arena, "vision.%s", f->card.towers[i].name);
        if (!own || !name)
            return fail(f->err, STATUS_NO_MEMORY, "out of memory while checking a fixture");
        f->engine->ops->copy_rows(own, (size_t)tower_width, columns, width, (int)n, tower_width);
        struct reference want = {json_find(vision, f->card.towers[i].name), name};
        status = fixture_compare_rows(f, name, own, (int)n, tower_width, &want);
    }
    struct reference features = {json_find(vision, "features"), "vision.features"};
    if (vision && !status)
        status = fixture_compare_rows(f, "vision.features", pass.features, (int)n, (int)width,
                                      &features);
    session_run_connector(session, &pass);
    if (!status)
        status = fixture_compare_rows(f, fixture_label(f, prefix, "connector.output"), pass.rows,
                                      connector->n_out, connector->out_width, rows);
    session_read_rows(session, &pass);
    compute_release(&session->compute, pass.taken);
    return status;
}

/* Feeds ids behind the session's state and gives the logits that follow, in the arena. */
static enum status feed(struct fixture *f, const int *ids, int n, float **logits)
{
    float *out = arena_alloc(&f->arena, (size_t)f->engine->lm->vocabulary, sizeof *out);
    if (n < 1)
        return fail(f->err, STATUS_BAD_FORMAT, "%s/reference.json: no ids to feed", f->directory);
    if (!out)
        return fail(f->err, STATUS_NO_MEMORY, "out of memory while checking a fixture");
    *logits = out;
    return session_feed(f->session, ids, n, out, f->err);
}

/* The reference's ids of an array, of a prompt those behind its picture, in the arena; *n receives
 * their number. */
static int *ids_of(struct fixture *f, const cJSON *array, int *n)
{
    int *ids = arena_alloc(&f->arena, (size_t)cJSON_GetArraySize(array) + 1, sizeof *ids);
    const cJSON *item;
    *n = 0;
    cJSON_ArrayForEach(item, array)
    {
        if (item->valueint < 0)
            *n = 0;
        else if (ids && item->valueint < f->engine->lm->vocabulary)
            ids[(*n)++] = item->valueint;
    }
    return ids;
}

static enum status check_state(struct fixture *f)
{
    const struct lm *lm = f->engine->lm;
    const cJSON *layers = json_find(f->root, "state_after_prompt");
    struct lm_state_view view;
    for (int i = 0; lm->family->view_state(lm, &f->session->state, i, &view, NULL); i++) {
        size_t n = (size_t)view.rows * (size_t)view.columns;
        float *values = arena_alloc(&f->arena, n, sizeof *values);
        const cJSON *want = json_find(cJSON_GetArrayItem(layers, view.layer), view.name);
        const char *name = arena_printf(&f->arena, "state.%d.%s", view.layer, view.name);
        if (!values || !name)
            return fail(f->err, STATUS_NO_MEMORY, "out of memory while checking a fixture");
        lm->family->view_state(lm, &f->session->state, i, &view, values);
        if (f->exact)
            fixture_compare_sums(f, name, values, n, want, 1);
    }
    return STATUS_OK;
}

static enum status check_choice(struct fixture *f, const float *logits)
{
    const cJSON *choice = json_find(f->root, "choice"), *item;
    int ids[ENGINE_MAX_CHOICES] = {0};
    int n = 0;
    double total = 0, deviation = 0;
    cJSON_ArrayForEach(item, json_find(choice, "strings"))
    {
        if (n == ENGINE_MAX_CHOICES || !cJSON_IsString(item))
            return fail(f->err, STATUS_BAD_FORMAT, "%s/reference.json: choice.strings",
                        f->directory);
        enum status status = engine_choice_id(f->engine, item->valuestring, &ids[n++], f->err);
        if (status)
            return status;
    }
    fixture_compare_ids(f, "choice.ids", ids, (size_t)n, json_find(choice, "ids"));
    for (int i = 0; i < n; i++)
        total += exp((double)logits[ids[i]] - (double)logits[ids[0]]);
    for (int i = 0; i < n; i++) {
        double p = exp((double)logits[ids[i]] - (double)logits[ids[0]]) / total;
        const cJSON *want = cJSON_GetArrayItem(json_find(choice, "p"), i);
        double delta = fabs(p - (want ? want->valuedouble : NAN));
        deviation = isnan(delta) ? INFINITY : fmax(deviation, delta);
    }
    /* A logit that is off by d moves a probability by at most d / 4 for each of the two. */
    fixture_report_bound(f, "choice.p", deviation,
                         f->exact ? probability_bound : f->logit_bound / 2, "max |delta|");
    return STATUS_OK;
}

/* The reference's own answer fed token by token: logits at every step. */
static enum status check_steps(struct fixture *f, float *logits)
{
    const cJSON *greedy = json_find(f->root, "greedy");
    int n, vocabulary = f->engine->lm->vocabulary;
    int *ids = ids_of(f, json_find(greedy, "ids"), &n);
    float *all = NULL;
    double deviation = 0;
    enum status status = STATUS_OK;
    if (!ids)
        return fail(f->err, STATUS_NO_MEMORY, "out of memory while checking a fixture");
    status = fixture_read_reference(f, "logits_per_step", (size_t)n * (size_t)vocabulary, &all);
    for (int step = 0; !status && step < n; step++) {
        for (int i = 0; all && i < vocabulary; i++) {
            double delta = fabs((double)logits[i] - all[step * vocabulary + i]);
            deviation = isnan(delta) ? INFINITY : fmax(deviation, delta);
        }
        if (step + 1 < n)
            status = feed(f, &ids[step], 1, &logits);
    }
    if (status)
        return status;
    const cJSON *bf16 = json_find(json_find(f->root, "tolerance"), "bf16");
    double bound =
        f->exact ? f->logit_bound : f->logit_factor * json_number_or(bf16, "all_steps_max_abs", 0);
    if (all)
        fixture_report_bound(f, "greedy.logits of every step", deviation, bound, "max |delta|");
    const cJSON *last = json_find(greedy, "logits_last_step");
    double largest = 0;
    if (cJSON_GetArraySize(last) != vocabulary)
        fixture_report_equal(f, "greedy.logits_last_step", false,
                             "the reference has another number");
    else
        fixture_report_bound(f, "greedy.logits_last_step",
                             fixture_array_difference(logits, (size_t)vocabulary, last, &largest),
                             bound, "max |delta|");
    return STATUS_OK;
}

/* In bf16 ids are comparable up to the first step whose margin is small. */
static size_t comparable_ids(const struct fixture *f, const cJSON *greedy)
{
    size_t n = 0;
    const cJSON *margin;
    cJSON_ArrayForEach(margin, json_find(greedy, "margins"))
    {
        if (!f->exact && margin->valuedouble < 2 * f->logit_bound)
            return n;
        n++;
    }
    return n;
}

static void compare_bytes(struct fixture *f, const struct generation *answer, const char *want)
{
    struct text bytes, hex;
    text_init(&bytes);
    text_init(&hex);
    tokenizer_decode(f->engine->tokenizer, answer->ids, answer->n_ids, &bytes);
    for (size_t i = 0; i < bytes.length; i++)
        text_addf(&hex, "%02x", (unsigned)(unsigned char)bytes.data[i]);
    fixture_compare_text(f, "greedy.bytes_hex", text_string(&hex), want);
    text_release(&bytes);
    text_release(&hex);
}

/* The door that users take: session_answer() behind the picture. */
static enum status check_greedy(struct fixture *f, struct session *after_image)
{
    const cJSON *greedy = json_find(f->root, "greedy");
    struct request request = {
        .prompt = json_string_or(json_find(f->root, "prompt"), "text", ""),
        .max_new_tokens = json_int_or(greedy, "max_new_tokens", 0),
    };
    struct generation answer;
    enum status status = session_answer(after_image, &request, &answer, f->err);
    if (status)
        return status;
    const cJSON *want = json_find(greedy, "ids");
    size_t comparable = comparable_ids(f, greedy);
    if (f->exact) {
        fixture_compare_ids(f, "greedy.ids", answer.ids, answer.n_ids, want);
        fixture_compare_text(f, "greedy.stopped_by", answer.ended ? "eos" : "length",
                             json_string_or(greedy, "stopped_by", ""));
        fixture_compare_text(f, "greedy.text", answer.text, json_string_or(greedy, "text", ""));
        compare_bytes(f, &answer, json_string_or(greedy, "bytes_hex", ""));
        return STATUS_OK;
    }
    char detail[64];
    size_t equal = 0;
    while (equal < comparable && equal < answer.n_ids &&
           answer.ids[equal] == cJSON_GetArrayItem(want, (int)equal)->valueint)
        equal++;
    snprintf(detail, sizeof detail, "%zu of the %zu ids before the first small margin", equal,
             comparable);
    fixture_report_equal(f, "greedy.ids", equal == comparable, detail);
    return STATUS_OK;
}

static enum status check_main(struct fixture *f)
{
    struct session *after_image = NULL;
    const cJSON *prompt = json_find(f->root, "prompt");
    const char *file = json_string_or(json_find(f->root, "image"), "file", "input.png");
    struct reference rows = {json_find(json_find(f->root, "connector"), "output"),
                             "connector.output"};
    int n;
    int *ids = ids_of(f, json_find(prompt, "ids"), &n);
    float *logits = NULL;
    enum status status = check_tokenizer(f);
    if (!status)
        status = check_picture(f, "", file, json_find(f->root, "image"),
                               json_find(f->root, "preprocess"));
    if (!status)
        status = check_vision(f, "", json_find(f->root, "vision"), &rows);
    if (!status)
        status = session_open(&after_image, f->engine, f->err);
    if (!status)
        status = session_fork(after_image, f->session, f->err);
    if (!status)
        status = feed(f, ids, n, &logits);
    if (!status) {
        fixture_compare_logits(f, "logits", logits, json_find(f->root, "logits"));
        status = check_state(f);
    }
    if (!status)
        status = check_choice(f, logits);
    if (!status)
        status = check_steps(f, logits);
    if (!status)
        status = check_greedy(f, after_image);
    session_close(after_image);
    return status;
}

/* Other pixels, the same weights: another picture, another resize, pixels rounded to fp16. */
static enum status set_variant(struct fixture *f, const cJSON *variant)
{
    static const char half[] = "pixels_rounded_to_fp16";
    enum resize_strategy strategy = f->card.towers[0].preprocess.strategy;
    const char *mode = json_string_or(variant, "mode", NULL);
    enum status status = mode ? parse_resize(&f->card, mode, &strategy, f->err) : STATUS_OK;
    if (status)
        return status;
    set_picture(&f->engine->card, f->card.image_size, strategy);
    for (size_t i = 0; i < f->card.n_towers; i++)
        f->engine->card.towers[i].preprocess.half_pixels =
            strcmp(json_string_or(variant, "name", ""), half) == 0;
    return STATUS_OK;
}

static enum status check_variant(struct fixture *f, const cJSON *variant)
{
    const char *prefix = arena_printf(&f->arena, "variant %s", json_string_or(variant, "name", ""));
    int n;
    int *ids = ids_of(f, json_find(json_find(f->root, "prompt"), "ids"), &n);
    float *logits = NULL;
    struct reference rows = {json_find(variant, "image_rows"), NULL};
    if (!prefix || !ids)
        return fail(f->err, STATUS_NO_MEMORY, "out of memory while checking a fixture");
    enum status status = set_variant(f, variant);
    if (!status)
        status = check_picture(f, prefix, json_string_or(variant, "file", "input.png"), variant,
                               variant);
    if (!status)
        status = check_vision(f, prefix, NULL, &rows);
    if (!status)
        status = feed(f, ids, n, &logits);
    if (!status)
        fixture_compare_logits(f, fixture_label(f, prefix, "logits"), logits,
                               json_find(variant, "logits"));
    return status;
}

static enum status run_fixture(struct fixture *f, const struct engine_options *options)
{
    enum status status = open_fixture(f, options);
    if (!status)
        status = check_main(f);
    const cJSON *variant;
    cJSON_ArrayForEach(variant, json_find(f->root, "variants"))
    {
        if (!status)
            status = check_variant(f, variant);
    }
    session_close(f->session);
    engine_close(f->engine);
    tensor_file_close(f->tensors);
    return status;
}

enum status selftest_fixture(const char *directory, const struct engine_options *options,
                             struct check_report *report_to, struct error *err)
{
    struct fixture fixture = {.directory = directory, .report = report_to, .err = err};
    cJSON *root = NULL;
    arena_init(&fixture.arena);
    const char *path = path_join(&fixture.arena, directory, "reference.json");
    enum status status = path
                             ? json_read(&root, path, err)
                             : fail(err, STATUS_NO_MEMORY, "out of memory while opening a fixture");
    fixture.root = root;
    if (!status)
        status = run_fixture(&fixture, options);
    cJSON_Delete(root);
    arena_release(&fixture.arena);
    return status;
}
