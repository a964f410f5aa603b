#include "metrics/vqa_text.h"

#include "engine/base/utf8.h"
#include "metrics/vqa_contractions.h"

#include <string.h>

/* vqaEval.py:66. */
static const char punctuation[] = ";/[]\"{}()=+\\_-><@`,?!";
enum { N_PUNCTUATION = sizeof punctuation - 1 };

/* The third argument of the reference's sub() is a count, and re.UNICODE is 32: vqaEval.py:137. */
enum { MAX_PERIODS = 32 };

/* (\d)(\,)(\d) anywhere. */
static bool has_digit_comma_digit(struct span in)
{
    const char *cursor = in.data, *end = in.data + in.length;
    uint32_t second_last = 0, last = 0;
    while (cursor < end) {
        uint32_t c = utf8_next(&cursor, end);
        if (last == ',' && python_is_digit(second_last) && python_is_digit(c))
            return true;
        second_last = last;
        last = c;
    }
    return false;
}

/* Fills deleted [N_PUNCTUATION]: whether a character goes, or leaves a space. */
static void choose_deleted(struct span in, bool *deleted)
{
    bool comma = has_digit_comma_digit(in);
    for (size_t i = 0; i < N_PUNCTUATION; i++)
        deleted[i] = comma;
    for (size_t i = 0; i < in.length; i++) {
        const char *found = in.data[i] ? strchr(punctuation, in.data[i]) : NULL;
        if (!found)
            continue;
        bool before = i > 0 && in.data[i - 1] == ' ';
        bool behind = i + 1 < in.length && in.data[i + 1] == ' ';
        if (before || behind)
            deleted[found - punctuation] = true;
    }
}

static void drop_periods(struct span in, enum vqa_period_rule rule, struct text *out)
{
    const char *cursor = in.data, *end = in.data + in.length;
    int dropped = 0;
    bool digit_before = false;
    while (cursor < end) {
        const char *start = cursor;
        uint32_t c = utf8_next(&cursor, end);
        const char *next = cursor;
        bool digit_behind = cursor < end && python_is_digit(utf8_next(&next, end));
        bool goes = c == '.' && !digit_behind && dropped < MAX_PERIODS &&
                    !(rule == VQA_PERIOD_VLMEVALKIT && digit_before);
        if (goes)
            dropped += 1;
        else
            text_add_bytes(out, start, (size_t)(cursor - start));
        digit_before = python_is_digit(c);
    }
}

/* Whether nothing but splitting at spaces, numbers, articles and contractions can change the text:
 * small letters, digits, spaces and apostrophes.  Most annotators' answers are so, of which there
 * are millions. */
static bool is_plain(struct span in, bool with_apostrophes)
{
    for (size_t i = 0; i < in.length; i++) {
        char c = in.data[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == ' ' ||
                     (c == '\'' && with_apostrophes);
        if (!plain)
            return false;
    }
    return true;
}

void vqa_punctuation(struct span in, enum vqa_period_rule rule, struct text *out)
{
    if (is_plain(in, true)) {
        text_add_bytes(out, in.data, in.length);
        return;
    }
    bool deleted[N_PUNCTUATION];
    choose_deleted(in, deleted);
    struct text spaced;
    text_init(&spaced);
    for (size_t i = 0; i < in.length; i++) {
        const char *found = in.data[i] ? strchr(punctuation, in.data[i]) : NULL;
        if (!found)
            text_add_char(&spaced, in.data[i]);
        else if (!deleted[found - punctuation])
            text_add_char(&spaced, ' ');
    }
    out->failed |= spaced.failed;
    drop_periods((struct span){text_string(&spaced), spaced.length}, rule, out);
    text_release(&spaced);
}

void vqa_trim(struct span in, struct text *out)
{
    if (!memchr(in.data, '\n', in.length) && !memchr(in.data, '\t', in.length)) {
        struct span stripped = python_strip(in);
        text_add_bytes(out, stripped.data, stripped.length);
        return;
    }
    struct text spaced;
    text_init(&spaced);
    for (size_t i = 0; i < in.length; i++) {
        char c = in.data[i];
        text_add_char(&spaced, c == '\n' || c == '\t' ? ' ' : c);
    }
    struct span trimmed = python_strip((struct span){text_string(&spaced), spaced.length});
    text_add_bytes(out, trimmed.data, trimmed.length);
    out->failed |= spaced.failed;
    text_release(&spaced);
}

/* vqaEval.py:48-61. */
static const char *number_of(struct span word)
{
    static const struct {
        const char *word, *digits;
    } numbers[] = {{"none", "0"},  {"zero", "0"},  {"one", "1"},  {"two", "2"},
                   {"three", "3"}, {"four", "4"},  {"five", "5"}, {"six", "6"},
                   {"seven", "7"}, {"eight", "8"}, {"nine", "9"}, {"ten", "10"}};
    if (word.length < 3 || word.length > 5)
        return NULL;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (span_equals(word, numbers[i].word))
            return numbers[i].digits;
    return NULL;
}

static bool is_article(struct span word)
{
    return span_equals(word, "a") || span_equals(word, "an") || span_equals(word, "the");
}

/* How the normalisers of a family differ. */
struct dialect {
    enum vqa_period_rule periods;
    const struct contraction_table *contractions;
    const char *apostrophe; /* what U+0060 in the table stands for; NULL: for itself */
};

/* The row of the table for a word, its apostrophes written as the table writes them. */
static const char *find_contraction(const struct dialect *dialect, struct span word)
{
    enum { LONGEST = 24 }; /* beyond every key */
    char key[LONGEST];
    size_t length = 0, i = 0, skip = dialect->apostrophe ? strlen(dialect->apostrophe) : 0;
    if (!dialect->apostrophe)
        return contraction_of(dialect->contractions, word);
    while (i < word.length && length < LONGEST) {
        bool is_apostrophe =
            word.length - i >= skip && memcmp(word.data + i, dialect->apostrophe, skip) == 0;
        key[length++] = is_apostrophe ? '`' : word.data[i];
        i += is_apostrophe ? skip : 1;
    }
    if (i < word.length)
        return NULL;
    return contraction_of(dialect->contractions, (struct span){key, length});
}

static void add_word(struct span word, const struct dialect *dialect, struct text *out)
{
    const char *text = number_of(word);
    if (!text)
        text = find_contraction(dialect, word);
    if (!text) {
        text_add_bytes(out, word.data, word.length);
        return;
    }
    for (; *text; text++) {
        if (*text == '`' && dialect->apostrophe)
            text_add(out, dialect->apostrophe);
        else
            text_add_char(out, *text);
    }
}

/* vqaEval.py:142-155: numbers, articles, contractions of words in lower case, joined by one space.
 */
static void add_words(struct span rest, const struct dialect *dialect, struct text *out)
{
    struct span word;
    for (bool first = true; python_next_word(&rest, &word);) {
        if (is_article(word))
            continue;
        if (!first)
            text_add_char(out, ' ');
        first = false;
        add_word(word, dialect, out);
    }
}

static void normalise_with(struct span in, const struct dialect *dialect, struct text *out)
{
    if (is_plain(in, true)) {
        add_words(in, dialect, out);
        return;
    }
    struct text trimmed, plain, lower;
    text_init(&trimmed);
    text_init(&plain);
    text_init(&lower);
    vqa_trim(in, &trimmed);
    vqa_punctuation((struct span){text_string(&trimmed), trimmed.length}, dialect->periods, &plain);
    python_lower((struct span){text_string(&plain), plain.length}, &lower);
    add_words((struct span){text_string(&lower), lower.length}, dialect, out);
    out->failed |= trimmed.failed || plain.failed || lower.failed;
    text_release(&trimmed);
    text_release(&plain);
    text_release(&lower);
}

void vqa_normalise(struct span in, struct text *out)
{
    static const struct dialect dialect = {VQA_PERIOD_OFFICIAL, &contractions_official, NULL};
    normalise_with(in, &dialect, out);
}

/* m4c_evaluator.py:181-184. */
void vqa_normalise_m4c(struct span in, struct text *out)
{
    if (is_plain(in, false)) {
        vqa_normalise(in, out);
        return;
    }
    struct text lower, joined;
    text_init(&lower);
    text_init(&joined);
    python_lower(in, &lower);
    const char *data = text_string(&lower);
    for (size_t i = 0; i < lower.length; i++)
        if (data[i] != ',' && data[i] != '?')
            text_add_char(&joined, data[i]);
    text_reset(&lower);
    /* The letter behind an apostrophe may have come near only now: "it',s" has an 's. */
    data = text_string(&joined);
    for (size_t i = 0; i < joined.length; i++) {
        if (data[i] == '\'' && data[i + 1] == 's')
            text_add_char(&lower, ' ');
        text_add_char(&lower, data[i]);
    }
    struct span stripped = python_strip((struct span){text_string(&lower), lower.length});
    vqa_normalise(stripped, out);
    out->failed |= lower.failed || joined.failed;
    text_release(&lower);
    text_release(&joined);
}

void vqa_normalise_vlmevalkit(struct span in, struct text *out)
{
    static const struct dialect dialect = {VQA_PERIOD_VLMEVALKIT, &contractions_official, NULL};
    normalise_with(in, &dialect, out);
}

void vqa_normalise_vizwiz_tri(struct span in, struct text *out)
{
    static const struct dialect dialect = {VQA_PERIOD_OFFICIAL, &contractions_vizwiz, NULL};
    normalise_with(in, &dialect, out);
}

void vqa_normalise_vizwiz(struct span in, struct text *out)
{
    static const struct dialect dialect = {VQA_PERIOD_OFFICIAL, &contractions_vizwiz,
                                           "\xE2\x80\x99"};
    normalise_with(in, &dialect, out);
}

void vqa_normalise_punctuation(struct span in, struct text *out)
{
    vqa_punctuation(in, VQA_PERIOD_OFFICIAL, out);
}

void vqa_as_it_is(struct span in, struct text *out)
{
    text_add_bytes(out, in.data, in.length);
}
