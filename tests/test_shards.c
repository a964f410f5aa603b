/* Shards: where a task is cut. */
#include "tests/check.h"

#include "eval/shard.h"
#include "eval/task.h"

#include <stdio.h>
#include <string.h>

enum { MOST_SAMPLES = 64 };

/* A task of images with the given numbers of questions, each of length characters. */
struct fixture {
    struct task task;
    struct sample samples[MOST_SAMPLES];
    size_t order[MOST_SAMPLES];
    char names[MOST_SAMPLES][24];
    char question[256];
};

static void fill(struct fixture *fixture, const size_t *questions, size_t n_images, size_t length)
{
    size_t n = 0;
    memset(fixture, 0, sizeof *fixture);
    memset(fixture->question, 'q', length);
    for (size_t image = 0; image < n_images; image++) {
        snprintf(fixture->names[image], sizeof fixture->names[image], "%zu", image);
        for (size_t i = 0; i < questions[image]; i++, n++) {
            fixture->samples[n].image_name = fixture->names[image];
            fixture->samples[n].question = fixture->question;
            fixture->order[n] = n;
        }
    }
    fixture->task.set.samples = fixture->samples;
    fixture->task.set.n_samples = n;
    fixture->task.set.n_images = n_images;
    fixture->task.order = fixture->order;
}

static size_t images_in(const struct task *task, size_t begin, size_t end)
{
    size_t n = 0;
    for (size_t i = begin; i < end; i++)
        n += i == begin ||
             strcmp(task->set.samples[i].image_name, task->set.samples[i - 1].image_name) != 0;
    return n;
}

/* The stretches follow each other, cover everything and end between images. */
static void check_cover(struct fixture *fixture, size_t of)
{
    struct task *task = &fixture->task;
    size_t next = 0, n_images = 0;
    for (size_t i = 1; i <= of; i++) {
        shard_task(task, &(struct shard){.index = i, .of = of});
        if (task->end > task->begin)
            assert_int_equal(task->begin, next);
        next += task->end - task->begin;
        n_images += images_in(task, task->begin, task->end);
    }
    assert_int_equal(next, task->set.n_samples);
    assert_int_equal(n_images, task->set.n_images); /* none is in two shards */
}

static void test_every_number_covers_everything(void **state)
{
    static const size_t questions[][8] = {{1, 1, 1, 1, 1, 1, 1, 1},
                                          {9, 1, 1, 1, 1, 1, 1, 1},
                                          {1, 1, 1, 1, 1, 1, 1, 20},
                                          {3, 7, 1, 2, 9, 4, 1, 5}};
    struct fixture fixture;
    (void)state;
    for (size_t i = 0; i < 4; i++)
        for (size_t n_images = 0; n_images <= 8; n_images++) {
            fill(&fixture, questions[i], n_images, 200);
            for (size_t of = 1; of <= 20; of++)
                check_cover(&fixture, of);
            check_cover(&fixture, 300);
        }
}

static double cost_of(const struct fixture *fixture, size_t begin, size_t end)
{
    double question = (double)strlen(fixture->question) / 4 + SHARD_ANSWER_ROWS;
    return (double)images_in(&fixture->task, begin, end) * SHARD_IMAGE_ROWS +
           (double)(end - begin) * question;
}

/* A cut is the nearest end of an image: no shard exceeds its share by more than one image. */
static void test_shards_are_balanced_by_cost(void **state)
{
    static const size_t questions[] = {40, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    struct fixture fixture;
    (void)state;
    fill(&fixture, questions, 13, 240);
    const struct task *task = &fixture.task;
    double total = cost_of(&fixture, 0, 52), largest = cost_of(&fixture, 0, 40);
    for (size_t of = 1; of <= 13; of++)
        for (size_t i = 1; i <= of; i++) {
            shard_task(&fixture.task, &(struct shard){.index = i, .of = of});
            assert_true(cost_of(&fixture, task->begin, task->end) <= total / (double)of + largest);
        }
    /* By cost, not by number: the image with forty questions has two others beside it, not three.
     */
    shard_task(&fixture.task, &(struct shard){.index = 1, .of = 3});
    assert_int_equal(images_in(task, task->begin, task->end), 2);
    shard_task(&fixture.task, &(struct shard){.index = 2, .of = 3});
    assert_int_equal(images_in(task, task->begin, task->end), 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_number_covers_everything),
        cmocka_unit_test(test_shards_are_balanced_by_cost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
