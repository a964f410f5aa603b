#include "datasets/vsr_caption.h"

#include <string.h>

/* NULL: none that says just that. */
static const struct {
    const char *relation, *converse, *opposite;
} relations[] = {
    {"left of", "right of", "right of"},
    {"right of", "left of", "left of"},
    {"at the left side of", "at the right side of", "at the right side of"},
    {"at the right side of", "at the left side of", "at the left side of"},
    {"above", "below", "below"},
    {"below", "above", "above"},
    {"over", "under", "under"},
    {"under", "above", "above"},
    {"beneath", "above", "above"},
    {"on top of", NULL, "under"},
    {"in front of", "behind", "behind"},
    {"behind", "in front of", "in front of"},
    {"contains", "inside", NULL},
    {"inside", "contains", "outside"},
    {"in", "contains", "outside"},
    {"within", "contains", "outside"},
    {"outside", NULL, "inside"},
    {"surrounding", "enclosed by", NULL},
    {"enclosed by", "surrounding", NULL},
    {"part of", "has as a part", NULL},
    {"has as a part", "part of", NULL},
    {"touching", "touching", NULL},
    {"connected to", "connected to", "detached from"},
    {"attached to", "attached to", "detached from"},
    {"detached from", "detached from", "attached to"},
    {"beside", "beside", NULL},
    {"next to", "next to", NULL},
    {"adjacent to", "adjacent to", NULL},
    {"opposite to", "opposite to", NULL},
    {"across from", "across from", NULL},
    {"parallel to", "parallel to", "perpendicular to"},
    {"perpendicular to", "perpendicular to", "parallel to"},
    {"near", "near", "far from"},
    {"close to", "close to", "far from"},
    {"far from", "far from", "near"},
    {"far away from", "far away from", "close to"},
    {"away from", "away from", "close to"},
    {"facing", NULL, "facing away from"},
    {"facing away from", NULL, "facing"},
    {"toward", NULL, "away from"},
    {"up", NULL, "down"},
    {"down", NULL, "up"},
    {"into", NULL, "out of"},
    {"out of", NULL, "into"},
};

/* Relations that are verbs themselves, and how they are denied. */
static const struct {
    const char *relation, *denied;
} verbs[] = {
    {"contains", "does not contain"},
    {"consists of", "does not consist of"},
    {"has as a part", "does not have as a part"},
};

const char *vsr_made_name(enum vsr_made kind)
{
    static const char *const names[VSR_N_MADE] = {"converse", "opposite", "not"};
    return names[kind];
}

/* NULL: the relation stands behind "is". */
static const char *denied_verb(const char *relation)
{
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(verbs[i].relation, relation) == 0)
            return verbs[i].denied;
    return NULL;
}

/* What follows the article in phrase, whose first letter may be a capital, or NULL. */
static const char *behind_article(const char *phrase, const char **article)
{
    static const char *const articles[] = {"the", "an", "a"};
    for (size_t i = 0; i < sizeof articles / sizeof articles[0]; i++) {
        size_t length = strlen(articles[i]);
        bool same = (phrase[0] | 0x20) == articles[i][0] &&
                    strncmp(phrase + 1, articles[i] + 1, length - 1) == 0;
        if (!same || phrase[length] != ' ' || phrase[length + 1] == '\0')
            continue;
        *article = articles[i];
        return phrase + length + 1;
    }
    return NULL;
}

bool vsr_caption_parse(const char *caption, const char *relation, struct arena *arena,
                       struct vsr_caption *out)
{
    bool is_verb = denied_verb(relation) != NULL;
    const char *middle = arena_printf(arena, is_verb ? " %s " : " is %s ", relation);
    const char *at = middle ? strstr(caption, middle) : NULL;
    if (!at || !relation[0] || strstr(at + 1, middle))
        return false;
    char *subject = arena_copy(arena, caption, (size_t)(at - caption));
    char *object = arena_string(arena, at + strlen(middle));
    if (!subject || !object)
        return false;
    size_t end = strlen(object);
    if (end > 0 && object[end - 1] == '.')
        object[end - 1] = '\0';
    *out = (struct vsr_caption){.relation = arena_string(arena, relation)};
    out->subject = behind_article(subject, &out->articles[0]);
    out->object = behind_article(object, &out->articles[1]);
    return out->subject && out->object && !arena_failed(arena);
}

static const char *other_relation(const char *relation, enum vsr_made kind)
{
    for (size_t i = 0; i < sizeof relations / sizeof relations[0]; i++)
        if (strcmp(relations[i].relation, relation) == 0)
            return kind == VSR_CONVERSE ? relations[i].converse : relations[i].opposite;
    return NULL;
}

static const char *sentence(const struct vsr_caption *caption, bool turned, const char *middle,
                            struct arena *arena)
{
    const char *nouns[2] = {caption->subject, caption->object};
    const char *first = caption->articles[turned];
    return arena_printf(arena, "%c%s %s %s %s %s.", first[0] - 0x20, first + 1, nouns[turned],
                        middle, caption->articles[!turned], nouns[!turned]);
}

const char *vsr_caption_make(const struct vsr_caption *caption, enum vsr_made kind,
                             struct arena *arena, const char **relation)
{
    const char *denied = denied_verb(caption->relation);
    if (kind == VSR_NOT) {
        *relation = arena_printf(arena, "not %s", caption->relation);
        const char *middle = denied ? denied : arena_printf(arena, "is not %s", caption->relation);
        return middle ? sentence(caption, false, middle, arena) : NULL;
    }
    *relation = other_relation(caption->relation, kind);
    if (!*relation)
        return NULL;
    const char *middle =
        denied_verb(*relation) ? *relation : arena_printf(arena, "is %s", *relation);
    return middle ? sentence(caption, kind == VSR_CONVERSE, middle, arena) : NULL;
}

int vsr_made_truth(enum vsr_made kind, bool truth)
{
    if (kind == VSR_CONVERSE)
        return truth;
    if (kind == VSR_NOT)
        return !truth;
    return truth ? 0 : -1;
}
