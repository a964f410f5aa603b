#define PCRE2_CODE_UNIT_WIDTH 8

#include "engine/tokenizer/pretokenizer.h"

#include <pcre2.h>
#include <stdlib.h>

/* Letters and numbers that came with Unicode 15 to 16: the library that defines the format knows
 * them (tokenizers 0.23.3: compared for every code point), PCRE2 10.42 has Unicode 14. */
#define LATER_LETTERS                                                                              \
    "\\x{1C89}-\\x{1C8A}\\x{A7CB}-\\x{A7CD}\\x{A7DA}-\\x{A7DC}\\x{105C0}-\\x{105F3}"               \
    "\\x{10D4A}-\\x{10D65}\\x{10D6F}-\\x{10D85}\\x{10EC2}-\\x{10EC4}"                              \
    "\\x{1123F}-\\x{11240}\\x{11380}-\\x{11389}\\x{1138B}\\x{1138E}"                               \
    "\\x{11390}-\\x{113B5}\\x{113B7}\\x{113D1}\\x{113D3}\\x{11BC0}-\\x{11BE0}"                     \
    "\\x{11F02}\\x{11F04}-\\x{11F10}\\x{11F12}-\\x{11F33}\\x{1342F}"                               \
    "\\x{13441}-\\x{13446}\\x{13460}-\\x{143FA}\\x{16100}-\\x{1611D}"                              \
    "\\x{16D40}-\\x{16D6C}\\x{18CFF}\\x{1B132}\\x{1B155}\\x{1DF25}-\\x{1DF2A}"                     \
    "\\x{1E030}-\\x{1E06D}\\x{1E4D0}-\\x{1E4EB}\\x{1E5D0}-\\x{1E5ED}\\x{1E5F0}"                    \
    "\\x{2B739}\\x{2EBF0}-\\x{2EE5D}\\x{31350}-\\x{323AF}"
#define LATER_NUMBERS                                                                              \
    "\\x{10D40}-\\x{10D49}\\x{116D0}-\\x{116E3}\\x{11BF0}-\\x{11BF9}"                              \
    "\\x{11F50}-\\x{11F59}\\x{16130}-\\x{16139}\\x{16D70}-\\x{16D79}"                              \
    "\\x{1CCF0}-\\x{1CCF9}\\x{1D2C0}-\\x{1D2D3}\\x{1E4F0}-\\x{1E4F9}"                              \
    "\\x{1E5F1}-\\x{1E5FA}"

/* White_Space.  PCRE2's \s would take U+180E too, which has not been white space since 6.3. */
#define SPACE                                                                                      \
    "\\x{9}-\\x{D} \\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}"          \
    "\\x{205F}\\x{3000}"
#define LETTER "\\p{L}" LATER_LETTERS
#define NUMBER "\\p{N}" LATER_NUMBERS

/* huggingface/tokenizers@3ba8ad00 tokenizers/src/pre_tokenizers/byte_level.rs, RE, with the classes
 * written out. */
static const char gpt2_expression[] = "'s|'t|'re|'ve|'m|'ll|'d"
                                      "| ?[" LETTER "]+"
                                      "| ?[" NUMBER "]+"
                                      "| ?[^" SPACE LETTER NUMBER "]+"
                                      "|[" SPACE "]+(?![^" SPACE "])"
                                      "|[" SPACE "]+";

struct pretokenizer {
    pcre2_general_context *memory;
    pcre2_code *expression;
};

struct pretokenizer_state {
    pcre2_match_data *match;
};

static void *take(PCRE2_SIZE size, void *unused)
{
    (void)unused;
    return malloc(size);
}

static void give_back(void *memory, void *unused)
{
    (void)unused;
    free(memory);
}

static enum status compile(struct pretokenizer *pretokenizer, struct error *err)
{
    pretokenizer->memory = pcre2_general_context_create(take, give_back, NULL);
    pcre2_compile_context *context =
        pretokenizer->memory ? pcre2_compile_context_create(pretokenizer->memory) : NULL;
    if (!context)
        return fail(err, STATUS_NO_MEMORY, "out of memory while preparing a tokenizer");
    int code = 0;
    PCRE2_SIZE offset = 0;
    pretokenizer->expression = pcre2_compile((PCRE2_SPTR)gpt2_expression, PCRE2_ZERO_TERMINATED,
                                             PCRE2_UTF | PCRE2_UCP, &code, &offset, context);
    pcre2_compile_context_free(context);
    if (pretokenizer->expression)
        return STATUS_OK;
    if (code == PCRE2_ERROR_HEAP_FAILED)
        return fail(err, STATUS_NO_MEMORY, "out of memory while preparing a tokenizer");
    return fail(err, STATUS_UNSUPPORTED,
                "the installed PCRE2 refuses the expression of GPT-2 (its error %d at byte %zu)",
                code, offset);
}

enum status pretokenizer_open(struct pretokenizer **out, struct error *err)
{
    struct pretokenizer *pretokenizer = calloc(1, sizeof *pretokenizer);
    if (!pretokenizer)
        return fail(err, STATUS_NO_MEMORY, "out of memory while preparing a tokenizer");
    enum status status = compile(pretokenizer, err);
    if (status)
        pretokenizer_close(pretokenizer);
    else
        *out = pretokenizer;
    return status;
}

void pretokenizer_close(struct pretokenizer *pretokenizer)
{
    if (!pretokenizer)
        return;
    pcre2_code_free(pretokenizer->expression);
    pcre2_general_context_free(pretokenizer->memory);
    free(pretokenizer);
}

struct pretokenizer_state *pretokenizer_state_open(const struct pretokenizer *pretokenizer)
{
    struct pretokenizer_state *state = malloc(sizeof *state);
    if (!state)
        return NULL;
    state->match = pcre2_match_data_create(1, pretokenizer->memory);
    if (state->match)
        return state;
    free(state);
    return NULL;
}

void pretokenizer_state_close(struct pretokenizer_state *state)
{
    if (!state)
        return;
    pcre2_match_data_free(state->match);
    free(state);
}

bool pretokenizer_word(const struct pretokenizer *pretokenizer, struct pretokenizer_state *state,
                       const char *text, size_t length, size_t position, size_t *end)
{
    /* Without NO_UTF_CHECK every call would read the rest of the text. */
    int count = pcre2_match(pretokenizer->expression, (PCRE2_SPTR)text, length, position,
                            PCRE2_ANCHORED | PCRE2_NO_UTF_CHECK, state->match, NULL);
    if (count < 0) /* every code point begins a match: only resources can be short */
        return false;
    *end = pcre2_get_ovector_pointer(state->match)[1];
    return true;
}
