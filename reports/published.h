/* reports/published.h - numbers that papers printed, with the conditions they were measured under.
 *
 * The facts are in reports/published/, compiled in:
 *     systems.csv    a system as one source lists it
 *     numbers.csv    one number each: what was measured, how, where it stands
 *     protocols.csv  the same facts of this program's protocols and scenarios, to be held against
 *     traps.csv      what makes comparisons of these numbers wrong, numbered
 *
 * To add a published system: a row in systems.csv and its rows in numbers.csv. */
#ifndef MAMBENCH_REPORTS_PUBLISHED_H
#define MAMBENCH_REPORTS_PUBLISHED_H

#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "engine/base/text.h"

#include <stdbool.h>
#include <stddef.h>

/* How something was measured; an empty string: does not apply. */
struct measured_how {
    const char *protocol; /* that of this program which asks and scores alike; "": none known */
    const char *split, *metric, *prompt, *gpu, *precision;
};

struct published_number {
    const char *dataset; /* "pope", "speed" */
    const char *score;   /* "": the headline; "random/f1", "tokens/s", "total s" */
    const char *value;   /* as it is printed in the source */
    struct measured_how how;
    unsigned traps; /* bit n: trap n */
    const char *note, *source;
};

struct published_system {
    const char *key, *name; /* "cobra", "Cobra-3.5B" */
    const char *parameters_m, *parameters_note, *language_model, *visual_tokens;
    unsigned traps;
    const char *source, *aliases;
    const struct published_number *numbers;
    size_t n_numbers;
};

struct published_trap {
    int number;
    bool if_mixed;      /* only where a column holds differently measured values */
    const char *unless; /* key of a system whose presence lifts it; NULL: none */
    const char *text;
};

struct published_protocol {
    struct measured_how how;
};

enum { PUBLISHED_MOST_TRAPS = 16 };

/* Everything belongs to the arena. */
struct published {
    struct published_system *systems;
    size_t n_systems;
    struct published_trap traps[PUBLISHED_MOST_TRAPS];
    size_t n_traps;
    struct published_protocol *protocols;
    size_t n_protocols;
    struct arena arena;
};

/* Reads the tables that were compiled in.  The caller closes them.  Errors: NO_MEMORY, BAD_FORMAT
 * (a file of the repository is wrong: the tests find it). */
enum status published_open(struct published *published, struct error *err);
void published_close(struct published *published);

/* The system called name, by key, name or alias, without case; NULL: none. */
const struct published_system *published_find(const struct published *published, const char *name);

/* How a protocol or scenario measures; a variant in its name ("pope:aokvqa@llava") is its split.
 * False: the tables do not know it. */
bool published_protocol_facts(const struct published *published, const char *protocol,
                              struct arena *arena, struct measured_how *out);

const struct published_trap *published_trap_find(const struct published *published, int number);

/* "cobra, cobra-8b, ..." for messages. */
void published_add_keys(const struct published *published, struct text *out);

#endif
