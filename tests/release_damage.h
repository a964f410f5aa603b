/* tests/release_damage.h - a tiny release, damaged in one place, and what must be said of it. */
#ifndef MAMBENCH_TESTS_RELEASE_DAMAGE_H
#define MAMBENCH_TESTS_RELEASE_DAMAGE_H

#include "tests/release_specs.h"

#include "engine/card.h"

/* What is done to a sound release before it is written, or to its files afterwards. */
enum action {
    RENAME,     /* the tensor old is called new */
    DROP,       /* there is no tensor old */
    RESIZE,     /* dimension `size[0]` of the tensor old is `size[1]` */
    MOVE,       /* the tensor old is in the file new, the index says what it said */
    FORGET,     /* the index does not name the tensor old */
    EDIT,       /* in file: old becomes new */
    EDIT_WHOLE, /* the file has the text new */
    REMOVE      /* there is no file old */
};

struct change {
    enum action action;
    const char *file, *old, *new;
    int size[2];
};

struct damage {
    const char *release;
    struct change change;
    enum status status;
    const char *sentence, *also;
};

static inline void change_tensors(struct release *r, const struct change *change)
{
    if (change->action > FORGET)
        return;
    struct release_tensor *tensor = release_tensor(r, change->old);
    if (change->action == RENAME)
        tensor->name = change->new;
    else if (change->action == DROP)
        tensor->file = tensor->index_file = NULL;
    else if (change->action == RESIZE)
        tensor->shape[change->size[0]] = change->size[1];
    else if (change->action == MOVE)
        tensor->file = change->new;
    else
        tensor->index_file = NULL;
}

static inline void change_files(struct release *r, const struct change *change)
{
    if (change->action == EDIT)
        model_copy_edit(&r->copy, change->file, change->old, change->new);
    else if (change->action == EDIT_WHOLE)
        release_put(r, change->file, change->new, strlen(change->new));
    else if (change->action == REMOVE)
        assert_int_equal(unlink(model_copy_path(&r->copy, change->old)), 0);
}

static inline void assert_refused(const struct damage *damage)
{
    struct release r;
    struct card card;
    struct error err = {""};
    release_make(&r, release_spec(damage->release));
    change_tensors(&r, &damage->change);
    release_write(&r);
    change_files(&r, &damage->change);
    enum status status = card_open(&card, r.copy.path, &r.copy.arena, &err);
    if (status != damage->status)
        fail_msg("%s, '%s': status %d instead of %d: %s", damage->release, damage->sentence,
                 (int)status, (int)damage->status, err.text);
    assert_contains(err.text, damage->sentence);
    assert_contains(err.text, damage->also);
    assert_contains(err.text, r.copy.path);
    assert_null(strchr(err.text, '\n'));
    release_remove(&r);
}

#endif
