/* engine/card/detect_decoder.c - LLaMA and Phi as transformers names them, and connectors. */
#include "engine/base/json.h"
#include "engine/card/detect.h"

#include <stdio.h>
#include <string.h>

/* A family, and what its configuration class has where config.json is silent (transformers 4.37.2,
 * configuration_llama.py and configuration_phi.py: a saved config leaves defaults out). */
static const struct decoder {
    const char *family, *probe, *eps_key; /* probe: its rows are the width of the MLP */
    double eps, rotated; /* rotated: the part of a head, if "partial_rotary_factor" is missing */
    const char *activations[3];
} decoders[] = {
    {"llama", "model.layers.0.mlp.gate_proj.weight", "rms_norm_eps", 1e-6, 1.0, {"silu", NULL}},
    {"phi",
     "model.layers.0.mlp.fc1.weight",
     "layer_norm_eps",
     1e-5,
     0.5,
     {"gelu_new", "gelu_pytorch_tanh", NULL}},
};
enum { DEFAULT_HEADS = 32, DEFAULT_POSITIONS = 2048, DEFAULT_BOS = 1, DEFAULT_EOS = 2 };

/* What detection of one language model works with. */
struct source {
    const struct detection *d;
    const struct shards *shards;
    const char *prefix, *where;
    const cJSON *config;
    const struct decoder *decoder;
};

static enum status dimension(const struct source *s, const char *name, int i, int *size)
{
    return shards_dimension(s->shards, s->prefix, name, i, size, s->d->err);
}

static enum status unsupported(const struct source *s, const char *what)
{
    return fail(s->d->err, STATUS_UNSUPPORTED, "%s: %s is not supported for %s", s->where, what,
                s->decoder->family);
}

static bool is_listed(const char *const *names, const char *name)
{
    for (; *names; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

/* Variants of the architecture that the file's shapes do not give away. */
/* Where transformers 5 writes what older configs have at the top. */
static const cJSON *rope_parameters(const struct source *s)
{
    const cJSON *rope = json_find(s->config, "rope_parameters");
    return cJSON_IsObject(rope) ? rope : NULL;
}

static enum status check_variants(const struct source *s)
{
    const cJSON *scaling = json_find(s->config, "rope_scaling");
    const char *activation = json_string_or(s->config, "hidden_act", s->decoder->activations[0]);
    const cJSON *rope = rope_parameters(s);
    const char *type = json_string_or(scaling, "rope_type", json_string_or(scaling, "type", ""));
    if (!is_listed(s->decoder->activations, activation))
        return unsupported(s, "this \"hidden_act\"");
    if (scaling && !cJSON_IsNull(scaling) && strcmp(type, "default") != 0)
        return unsupported(s, "\"rope_scaling\"");
    if (rope && strcmp(json_string_or(rope, "rope_type", "default"), "default") != 0)
        return unsupported(s, "this \"rope_type\"");
    if (json_bool_or(s->config, "qk_layernorm", false))
        return unsupported(s, "\"qk_layernorm\"");
    if (json_bool_or(s->config, "attention_bias", false))
        return unsupported(s, "\"attention_bias\"");
    return STATUS_OK;
}

static enum status find_vocabulary(const struct source *s)
{
    struct card_lm *lm = &s->d->card->lm;
    int rows = 0;
    enum status status = dimension(s, "model.embed_tokens.weight", 0, &lm->vocabulary);
    if (!status)
        status = dimension(s, "model.embed_tokens.weight", 1, &lm->width);
    if (!status)
        status = dimension(s, "lm_head.weight", 0, &rows);
    if (!status && rows != lm->vocabulary)
        return fail(s->d->err, STATUS_MISMATCH,
                    "%s: %slm_head.weight has %d rows, model.embed_tokens.weight has %d",
                    s->shards->place, s->prefix, rows, lm->vocabulary);
    return status;
}

static enum status find_layers(const struct source *s)
{
    struct card_lm *lm = &s->d->card->lm;
    enum status status =
        shards_layers(s->shards, s->prefix, "model.layers.", &lm->layers, s->d->err);
    int told = lm->layers;
    if (!status)
        status = detect_int(s->d, s->config, "num_hidden_layers", s->where, &told);
    if (!status && told != lm->layers && !s->d->shapes_only)
        return fail(s->d->err, STATUS_MISMATCH,
                    "%s: \"num_hidden_layers\" is %d, %s holds %d layers", s->where, told,
                    s->shards->place, lm->layers);
    return status;
}

/* Whether any layer has a tensor of this name. */
static bool any_layer(const struct source *s, const char *name)
{
    char full[64];
    for (int i = 0; i < s->d->card->lm.layers; i++) {
        snprintf(full, sizeof full, "model.layers.%d.%s", i, name);
        if (shards_have(s->shards, s->prefix, full))
            return true;
    }
    return false;
}

/* Rows of q, and of k, in either layout. */
static enum status find_rows(const struct source *s, int *q, int *k)
{
    static const char fused_name[] = "self_attn.query_key_value.weight";
    static const char split_name[] = "self_attn.q_proj.weight";
    bool fused = any_layer(s, fused_name);
    if (fused && any_layer(s, split_name))
        return fail(s->d->err, STATUS_MISMATCH, "%s: both %s and %s are there", s->shards->place,
                    fused_name, split_name);
    if (strcmp(s->decoder->family, "llama") == 0 && any_layer(s, "self_attn.q_proj.bias"))
        return fail(s->d->err, STATUS_UNSUPPORTED,
                    "%s: self_attn.q_proj.bias is not supported for llama", s->shards->place);
    if (fused) {
        enum status status = dimension(s, "model.layers.0.self_attn.query_key_value.weight", 0, q);
        *q = *k = *q / 3;
        return status;
    }
    enum status status = dimension(s, "model.layers.0.self_attn.q_proj.weight", 0, q);
    return status ? status : dimension(s, "model.layers.0.self_attn.k_proj.weight", 0, k);
}

static enum status find_heads(const struct source *s)
{
    struct card_lm *lm = &s->d->card->lm;
    int q = 0, k = 0;
    enum status status = find_rows(s, &q, &k);
    lm->heads = DEFAULT_HEADS;
    if (!status)
        status = detect_int(s->d, s->config, "num_attention_heads", s->where, &lm->heads);
    if (status)
        return status;
    if (s->d->shapes_only && (lm->heads < 1 || q % lm->heads != 0 || k % (q / lm->heads) != 0))
        lm->heads = 1;
    if (lm->heads < 1 || q % lm->heads != 0)
        return fail(
            s->d->err, STATUS_MISMATCH,
            "%s: \"num_attention_heads\" is %d, which does not divide the %d rows of q in %s",
            s->where, lm->heads, q, s->shards->place);
    lm->head_dim = q / lm->heads;
    if (!s->d->shapes_only && (lm->head_dim == 0 || k % lm->head_dim != 0))
        return fail(s->d->err, STATUS_MISMATCH,
                    "%s: heads of %d do not divide the %d rows of k in %s", s->where, lm->head_dim,
                    k, s->shards->place);
    lm->kv_heads = k / lm->head_dim;
    int told = lm->kv_heads;
    status = detect_int(s->d, s->config, "num_key_value_heads", s->where, &told);
    if (!status && told != lm->kv_heads && !s->d->shapes_only)
        return fail(s->d->err, STATUS_MISMATCH,
                    "%s: \"num_key_value_heads\" is %d, heads of %d and the %d rows of k in %s "
                    "make it %d",
                    s->where, told, lm->head_dim, k, s->shards->place, lm->kv_heads);
    return status;
}

static enum status find_numbers(const struct source *s)
{
    struct card_lm *lm = &s->d->card->lm;
    double rotated = s->decoder->rotated;
    lm->eps = s->decoder->eps;
    lm->rope_theta = 10000;
    lm->max_positions = DEFAULT_POSITIONS;
    enum status status = detect_number(s->d, s->config, s->decoder->eps_key, s->where, &lm->eps);
    if (!status)
        status = detect_number(s->d, s->config, "rope_theta", s->where, &lm->rope_theta);
    if (!status)
        status =
            detect_int(s->d, s->config, "max_position_embeddings", s->where, &lm->max_positions);
    if (!status)
        status = detect_number(s->d, s->config, "partial_rotary_factor", s->where, &rotated);
    const cJSON *rope = rope_parameters(s);
    if (!status && rope)
        status = detect_number(s->d, rope, "rope_theta", s->where, &lm->rope_theta);
    if (!status && rope)
        status = detect_number(s->d, rope, "partial_rotary_factor", s->where, &rotated);
    if (!status && !(rotated > 0 && rotated <= 1))
        return fail(s->d->err, STATUS_BAD_FORMAT,
                    "%s: \"partial_rotary_factor\" is %g, a number up to 1 is expected", s->where,
                    rotated);
    lm->rope_dims = (int)(rotated * lm->head_dim);
    lm->head_bias = shards_have(s->shards, s->prefix, "lm_head.bias");
    return status;
}

/* Phi's tokenizer puts nothing in front, and its end token is found there. */
static enum status find_tokens(const struct source *s)
{
    struct card_lm *lm = &s->d->card->lm;
    bool llama = strcmp(s->decoder->family, "llama") == 0;
    lm->bos = llama ? DEFAULT_BOS : -1;
    lm->eos = DEFAULT_EOS;
    enum status status = STATUS_OK;
    if (llama)
        status = detect_int(s->d, s->config, "bos_token_id", s->where, &lm->bos);
    if (!status && llama)
        status = detect_int(s->d, s->config, "eos_token_id", s->where, &lm->eos);
    return status;
}

enum status detect_decoder(const struct detection *d, const struct shards *shards,
                           const char *prefix, const cJSON *config, const char *where)
{
    struct source s = {d, shards, prefix, where, config, NULL};
    for (size_t i = 0; i < sizeof decoders / sizeof decoders[0]; i++)
        if (shards_have(shards, prefix, decoders[i].probe))
            s.decoder = &decoders[i];
    if (!s.decoder)
        return fail(d->err, STATUS_UNSUPPORTED,
                    "%s: the language model is neither LLaMA (%s%s) nor Phi (%s%s)", shards->place,
                    prefix, decoders[0].probe, prefix, decoders[1].probe);
    d->card->lm.family = s.decoder->family;
    shards_assign(shards, prefix, &d->card->lm.weights);
    enum status status = check_variants(&s);
    if (!status)
        status = find_vocabulary(&s);
    if (!status)
        status = find_layers(&s);
    if (!status)
        status = find_heads(&s);
    if (!status)
        status = dimension(&s, s.decoder->probe, 0, &d->card->lm.mlp_width);
    if (!status)
        status = find_numbers(&s);
    return status ? status : find_tokens(&s);
}

enum status detect_connector(const struct detection *d, const struct shards *shards,
                             const char *prefix)
{
    static const struct {
        const char *kind, *first, *last;
    } kinds[] = {
        {"linear", "weight", "weight"},
        {"gelu-mlp", "0.weight", "2.weight"},
        {"fused-gelu-mlp", "0.weight", "4.weight"},
        {"fused-ldpnet", "0.weight", "2.weight"},
        {"ldpnet", "mlp.1.weight", "mlp.3.weight"},
        {"ldpnetv2", "mlp.mlp.0.weight", "mlp.mlp.2.weight"},
    };
    struct card_connector *connector = &d->card->connector;
    size_t i = 0;
    while (i + 1 < sizeof kinds / sizeof kinds[0] && strcmp(kinds[i].kind, connector->kind) != 0)
        i++;
    shards_assign(shards, prefix, &connector->weights);
    connector->eps = 1e-5;
    enum status status =
        shards_dimension(shards, prefix, kinds[i].first, 1, &connector->in_width, d->err);
    if (!status && strcmp(connector->kind, "linear") != 0)
        status =
            shards_dimension(shards, prefix, kinds[i].first, 0, &connector->hidden_width, d->err);
    if (!status)
        status = shards_dimension(shards, prefix, kinds[i].last, 0, &connector->out_width, d->err);
    return status;
}
