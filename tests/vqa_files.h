/* tests/vqa_files.h - VQAv2 files of any size: synthetic questions in the official format, with ten
 * annotators who mostly agree.  The same number gives the same bytes. */
#ifndef MAMBENCH_TESTS_VQA_FILES_H
#define MAMBENCH_TESTS_VQA_FILES_H

#include <stdint.h>
#include <stdio.h>

/* Questions an image, and the words of the answers, as many and as long as in the real files. */
enum { VQA_PER_IMAGE = 5, VQA_FIRST_IMAGE = 42, VQA_WORDS = 20000, VQA_QUESTION_TYPES = 65 };

static inline uint64_t vqa_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15u);
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

/* A word of two to four syllables; small numbers come more often. */
static inline void vqa_word(uint64_t *state, char word[24])
{
    static const char *const syllables[] = {"ba", "co", "di", "fer", "gu", "ho", "kin", "la",
                                            "mo", "ne", "pi", "ros", "su", "ta", "ver", "wi"};
    uint64_t draw = vqa_random(state) % VQA_WORDS;
    draw = draw * (vqa_random(state) % VQA_WORDS) / VQA_WORDS;
    int length = snprintf(word, 24, "%s", syllables[draw & 15]);
    for (draw = draw / 16 + 1; draw > 0 && length < 18; draw /= 16)
        length += snprintf(word + length, 24 - (size_t)length, "%s", syllables[draw & 15]);
}

/* "yes/no", "number" or "other" of question i, and what most annotators answer to it. */
static inline const char *vqa_answer(uint64_t i, char answer[24])
{
    uint64_t state = i * 7919 + 1, kind = vqa_random(&state) % 100;
    if (kind < 38)
        snprintf(answer, 24, "%s", vqa_random(&state) % 2 ? "yes" : "no");
    else if (kind < 50)
        snprintf(answer, 24, "%d", (int)(vqa_random(&state) % 12));
    else
        vqa_word(&state, answer);
    return kind < 38 ? "yes/no" : kind < 50 ? "number" : "other";
}

static inline int vqa_image_of(uint64_t i)
{
    return (int)(VQA_FIRST_IMAGE + 9 * (i / VQA_PER_IMAGE));
}

static inline int vqa_id_of(uint64_t i)
{
    return vqa_image_of(i) * 1000 + (int)(i % VQA_PER_IMAGE);
}

static inline void vqa_write_questions(FILE *file, uint64_t n)
{
    fprintf(file, "{\"info\": {\"description\": \"synthetic\"}, \"task_type\": \"Open-Ended\", "
                  "\"data_type\": \"mscoco\", \"license\": {}, \"data_subtype\": \"val2014\", "
                  "\"questions\": [");
    for (uint64_t i = 0; i < n; i++) {
        char word[24], second[24];
        uint64_t state = i + 5;
        vqa_word(&state, word);
        vqa_word(&state, second);
        fprintf(file,
                "%s{\"image_id\": %d, \"question\": \"What is the %s of the %s?\", "
                "\"question_id\": %d}",
                i > 0 ? ", " : "", vqa_image_of(i), word, second, vqa_id_of(i));
    }
    fprintf(file, "]}");
}

static inline void vqa_write_annotations(FILE *file, uint64_t n)
{
    fprintf(file, "{\"info\": {\"description\": \"synthetic\"}, \"license\": {}, \"data_type\": "
                  "\"mscoco\", \"data_subtype\": \"val2014\", \"annotations\": [");
    for (uint64_t i = 0; i < n; i++) {
        char usual[24], other[24];
        uint64_t state = i + 11;
        const char *type = vqa_answer(i, usual);
        fprintf(file,
                "%s{\"question_type\": \"what kind %d\", \"multiple_choice_answer\": \"%s\", "
                "\"answers\": [",
                i > 0 ? ", " : "", (int)(vqa_random(&state) % VQA_QUESTION_TYPES), usual);
        for (int a = 1; a <= 10; a++) {
            vqa_word(&state, other);
            fprintf(file,
                    "%s{\"answer\": \"%s\", \"answer_confidence\": \"%s\", \"answer_id\": %d}",
                    a > 1 ? ", " : "", vqa_random(&state) % 4 ? usual : other,
                    vqa_random(&state) % 3 ? "yes" : "maybe", a);
        }
        fprintf(file, "], \"image_id\": %d, \"answer_type\": \"%s\", \"question_id\": %d}",
                vqa_image_of(i), type, vqa_id_of(i));
    }
    fprintf(file, "]}");
}

#endif
