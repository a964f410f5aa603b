#include "engine/formats/pickle.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A tensor takes about 100 bytes of pickle; these bound what a hostile one can cost. */
enum {
    MAX_BYTES = 32 << 20,
    MAX_VALUES = 4 << 20,
    MAX_STACK = 1 << 20,
    MAX_MEMO = 4 << 20,
    MAX_MARKS = 256,
    FIRST_PROTOCOL = 2,
    LAST_PROTOCOL = 5
};

struct pointers {
    const struct pickle_value **values;
    size_t count, capacity;
};

struct machine {
    const struct pickle_source *source;
    size_t position; /* of the next byte */
    size_t opcode_position;
    uint64_t operand; /* of the current opcode */
    struct pointers stack;
    struct pointers memo; /* NULL: not set */
    size_t marks[MAX_MARKS];
    size_t n_marks;
    size_t n_values;
    const struct pickle_value *result; /* set by STOP */
};

struct opcode {
    const char *name; /* NULL: not one that torch.save writes */
    int operand_bytes;
    enum status (*run)(struct machine *machine);
};

enum status pickle_fail(const struct pickle_source *source, enum status code, size_t position,
                        const char *format, ...)
{
    char what[400];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return fail(source->err, code, "%s, byte %zu: %s", source->place, position, what);
}

static enum status bad(const struct machine *machine, const char *what)
{
    return pickle_fail(machine->source, STATUS_BAD_FORMAT, machine->opcode_position, "%s", what);
}

static enum status no_memory(const struct machine *machine)
{
    return pickle_fail(machine->source, STATUS_NO_MEMORY, machine->opcode_position,
                       "out of memory");
}

/* Room for count pointers; those in use are kept.  The old array stays in the arena. */
static enum status reserve(struct machine *machine, struct pointers *pointers, size_t count)
{
    if (count <= pointers->capacity)
        return STATUS_OK;
    size_t capacity = pointers->capacity ? pointers->capacity * 2 : 256;
    while (capacity < count)
        capacity *= 2;
    const struct pickle_value **values =
        arena_alloc_small(machine->source->arena, capacity, sizeof *values);
    if (!values)
        return no_memory(machine);
    if (pointers->count > 0)
        memcpy(values, pointers->values, pointers->count * sizeof *values);
    pointers->values = values;
    pointers->capacity = capacity;
    return STATUS_OK;
}

static enum status push(struct machine *machine, const struct pickle_value *value)
{
    struct pointers *stack = &machine->stack;
    if (stack->count >= MAX_STACK)
        return bad(machine, "the stack is deeper than any weight file needs");
    enum status status = reserve(machine, stack, stack->count + 1);
    if (!status)
        stack->values[stack->count++] = value;
    return status;
}

/* The stack above the last mark. */
static size_t floor_of(const struct machine *machine)
{
    return machine->n_marks > 0 ? machine->marks[machine->n_marks - 1] : 0;
}

static enum status pop(struct machine *machine, const struct pickle_value **value)
{
    if (machine->stack.count <= floor_of(machine))
        return bad(machine, "a value is taken from an empty stack");
    *value = machine->stack.values[--machine->stack.count];
    return STATUS_OK;
}

static enum status top(const struct machine *machine, const struct pickle_value **value)
{
    if (machine->stack.count <= floor_of(machine))
        return bad(machine, "a value is taken from an empty stack");
    *value = machine->stack.values[machine->stack.count - 1];
    return STATUS_OK;
}

/* Takes the values above the last mark, and the mark: they stay valid until the next push. */
static enum status pop_mark(struct machine *machine, const struct pickle_value ***values,
                            size_t *count)
{
    if (machine->n_marks == 0)
        return bad(machine, "there is no mark on the stack");
    size_t start = machine->marks[--machine->n_marks];
    *values = machine->stack.values + start;
    *count = machine->stack.count - start;
    machine->stack.count = start;
    return STATUS_OK;
}

static enum status make(struct machine *machine, enum pickle_kind kind, struct pickle_value **out)
{
    if (machine->n_values >= MAX_VALUES)
        return bad(machine, "the pickle makes more values than any weight file needs");
    struct pickle_value *value = arena_alloc_small(machine->source->arena, 1, sizeof *value);
    if (!value)
        return no_memory(machine);
    machine->n_values++;
    value->kind = kind;
    value->position = (uint32_t)machine->opcode_position;
    *out = value;
    return STATUS_OK;
}

static enum status push_new(struct machine *machine, enum pickle_kind kind,
                            struct pickle_value **out)
{
    enum status status = make(machine, kind, out);
    return status ? status : push(machine, *out);
}

/* Moves over length bytes of the pickle. */
static enum status take(struct machine *machine, uint64_t length, const unsigned char **bytes)
{
    if (length > machine->source->size - machine->position)
        return bad(machine, "it reaches beyond the end of the pickle");
    *bytes = machine->source->data + machine->position;
    machine->position += (size_t)length;
    return STATUS_OK;
}

static enum status append(struct machine *machine, struct pickle_value *container,
                          const struct pickle_value *const *values, size_t count)
{
    struct pickle_items *items = &container->as.items;
    struct pointers grown = {items->values, items->count, items->capacity};
    enum status status = STATUS_OK;
    if (count > UINT32_MAX / 4 - items->count)
        return bad(machine, "a container has too many entries");
    if (grown.count + count > grown.capacity && grown.capacity == 0) {
        grown.values = arena_alloc_small(machine->source->arena, count, sizeof(void *));
        grown.capacity = count;
        status = grown.values ? STATUS_OK : no_memory(machine);
    } else {
        status = reserve(machine, &grown, grown.count + count);
    }
    if (status)
        return status;
    if (count > 0)
        memcpy(grown.values + grown.count, values, count * sizeof *values);
    *items = (struct pickle_items){grown.values, (uint32_t)(grown.count + count),
                                   (uint32_t)grown.capacity};
    return STATUS_OK;
}

static enum status op_proto(struct machine *machine)
{
    if (machine->operand < FIRST_PROTOCOL || machine->operand > LAST_PROTOCOL)
        return pickle_fail(machine->source, STATUS_UNSUPPORTED, machine->opcode_position,
                           "pickle protocol %u; 2 to 5 are read", (unsigned)machine->operand);
    return STATUS_OK;
}

static enum status op_frame(struct machine *machine)
{
    if (machine->operand > machine->source->size - machine->position)
        return bad(machine, "a frame reaches beyond the end of the pickle");
    return STATUS_OK;
}

static enum status op_mark(struct machine *machine)
{
    if (machine->n_marks == MAX_MARKS)
        return bad(machine, "it is nested deeper than any weight file");
    machine->marks[machine->n_marks++] = machine->stack.count;
    return STATUS_OK;
}

static enum status op_stop(struct machine *machine)
{
    enum status status = pop(machine, &machine->result);
    if (!status && (machine->stack.count != 0 || machine->n_marks != 0))
        return bad(machine, "it stops with more than one value");
    return status;
}

static enum status op_opaque(struct machine *machine)
{
    struct pickle_value *value = NULL;
    return push_new(machine, PICKLE_OPAQUE, &value);
}

static enum status push_integer(struct machine *machine, int64_t integer)
{
    struct pickle_value *value = NULL;
    enum status status = push_new(machine, PICKLE_INT, &value);
    if (!status)
        value->as.integer = integer;
    return status;
}

static enum status op_unsigned(struct machine *machine)
{
    return push_integer(machine, (int64_t)machine->operand);
}

static enum status op_signed32(struct machine *machine)
{
    return push_integer(machine, (int32_t)(uint32_t)machine->operand);
}

/* Little-endian two's complement of any length; what has no room is not a number of ours. */
static enum status op_long(struct machine *machine)
{
    const unsigned char *bytes = NULL;
    uint64_t length = machine->operand;
    enum status status = take(machine, length, &bytes);
    if (status)
        return status;
    if (length > 8)
        return op_opaque(machine);
    uint64_t bits = length > 0 && bytes[length - 1] & 0x80 ? UINT64_MAX : 0;
    for (uint64_t i = length; i-- > 0;)
        bits = bits << 8 | bytes[i];
    return push_integer(machine, (int64_t)bits);
}

static enum status op_string(struct machine *machine)
{
    const unsigned char *bytes = NULL;
    struct pickle_value *value = NULL;
    enum status status = take(machine, machine->operand, &bytes);
    if (!status)
        status = push_new(machine, PICKLE_STRING, &value);
    if (!status)
        value->as.string = (struct pickle_string){(const char *)bytes, (size_t)machine->operand};
    return status;
}

static enum status op_bytes(struct machine *machine)
{
    const unsigned char *bytes = NULL;
    enum status status = take(machine, machine->operand, &bytes);
    return status ? status : op_opaque(machine);
}

static enum status push_tuple(struct machine *machine, const struct pickle_value **values,
                              size_t count)
{
    struct pickle_value *value = NULL;
    enum status status = make(machine, PICKLE_TUPLE, &value);
    if (!status && count > 0)
        status = append(machine, value, values, count);
    return status ? status : push(machine, value);
}

static enum status op_tuple(struct machine *machine)
{
    const struct pickle_value **values = NULL;
    size_t count = 0;
    enum status status = pop_mark(machine, &values, &count);
    return status ? status : push_tuple(machine, values, count);
}

static enum status short_tuple(struct machine *machine, size_t count)
{
    if (machine->stack.count - floor_of(machine) < count)
        return bad(machine, "a value is taken from an empty stack");
    machine->stack.count -= count;
    return push_tuple(machine, machine->stack.values + machine->stack.count, count);
}

static enum status op_tuple0(struct machine *machine)
{
    return short_tuple(machine, 0);
}

static enum status op_tuple1(struct machine *machine)
{
    return short_tuple(machine, 1);
}

static enum status op_tuple2(struct machine *machine)
{
    return short_tuple(machine, 2);
}

static enum status op_tuple3(struct machine *machine)
{
    return short_tuple(machine, 3);
}

static enum status op_empty_list(struct machine *machine)
{
    struct pickle_value *value = NULL;
    return push_new(machine, PICKLE_LIST, &value);
}

static enum status op_empty_dict(struct machine *machine)
{
    struct pickle_value *value = NULL;
    return push_new(machine, PICKLE_DICT, &value);
}

/* Appends to the container on top of the stack, which only this reading has made. */
static enum status extend(struct machine *machine, enum pickle_kind kind,
                          const struct pickle_value *const *values, size_t count)
{
    const struct pickle_value *container = NULL;
    enum status status = top(machine, &container);
    if (status)
        return status;
    if (container->kind != kind)
        return bad(machine, kind == PICKLE_DICT ? "an entry is set in something else than a dict"
                                                : "a value is appended to something else than a "
                                                  "list");
    if (kind == PICKLE_DICT && count % 2 != 0)
        return bad(machine, "a key has no value");
    return append(machine, (struct pickle_value *)(uintptr_t)container, values, count);
}

static enum status op_append(struct machine *machine)
{
    const struct pickle_value *value = NULL;
    enum status status = pop(machine, &value);
    return status ? status : extend(machine, PICKLE_LIST, &value, 1);
}

static enum status op_appends(struct machine *machine)
{
    const struct pickle_value **values = NULL;
    size_t count = 0;
    enum status status = pop_mark(machine, &values, &count);
    return status ? status : extend(machine, PICKLE_LIST, values, count);
}

static enum status op_setitem(struct machine *machine)
{
    const struct pickle_value *pair[2];
    enum status status = pop(machine, &pair[1]);
    if (!status)
        status = pop(machine, &pair[0]);
    return status ? status : extend(machine, PICKLE_DICT, pair, 2);
}

static enum status op_setitems(struct machine *machine)
{
    const struct pickle_value **values = NULL;
    size_t count = 0;
    enum status status = pop_mark(machine, &values, &count);
    return status ? status : extend(machine, PICKLE_DICT, values, count);
}

static enum status push_global(struct machine *machine, struct pickle_string module,
                               struct pickle_string name)
{
    const struct pickle_global *global = NULL;
    struct pickle_value *value = NULL;
    enum status status =
        pickle_find_global(machine->source, machine->opcode_position, module, name, &global);
    if (!status)
        status = push_new(machine, PICKLE_GLOBAL, &value);
    if (!status)
        value->as.global = global;
    return status;
}

static enum status take_line(struct machine *machine, struct pickle_string *line)
{
    const unsigned char *start = machine->source->data + machine->position;
    size_t rest = machine->source->size - machine->position;
    const unsigned char *end = rest > 0 ? memchr(start, '\n', rest) : NULL;
    if (!end)
        return bad(machine, "a name reaches beyond the end of the pickle");
    *line = (struct pickle_string){(const char *)start, (size_t)(end - start)};
    machine->position += line->length + 1;
    return STATUS_OK;
}

static enum status op_global(struct machine *machine)
{
    struct pickle_string module = {0}, name = {0};
    enum status status = take_line(machine, &module);
    if (!status)
        status = take_line(machine, &name);
    return status ? status : push_global(machine, module, name);
}

static enum status op_stack_global(struct machine *machine)
{
    const struct pickle_value *module = NULL, *name = NULL;
    enum status status = pop(machine, &name);
    if (!status)
        status = pop(machine, &module);
    if (status)
        return status;
    if (module->kind != PICKLE_STRING || name->kind != PICKLE_STRING)
        return bad(machine, "a global is not named by two strings");
    return push_global(machine, module->as.string, name->as.string);
}

static enum status op_reduce(struct machine *machine)
{
    const struct pickle_value *args = NULL, *callable = NULL;
    struct pickle_value *result = NULL;
    enum status status = pop(machine, &args);
    if (!status)
        status = pop(machine, &callable);
    if (status)
        return status;
    if (callable->kind != PICKLE_GLOBAL || !callable->as.global->call)
        return bad(machine, "something is called that cannot be called");
    if (args->kind != PICKLE_TUPLE)
        return bad(machine, "the arguments of a call are not a tuple");
    status = make(machine, PICKLE_OPAQUE, &result);
    if (!status)
        status = callable->as.global->call(machine->source, args, result);
    return status ? status : push(machine, result);
}

/* Attributes of a state dict ("_metadata") or of a tensor: no weight depends on them. */
static enum status op_build(struct machine *machine)
{
    const struct pickle_value *state = NULL, *object = NULL;
    enum status status = pop(machine, &state);
    if (!status)
        status = top(machine, &object);
    if (!status && object->kind != PICKLE_DICT && object->kind != PICKLE_TENSOR)
        return bad(machine, "attributes are set on something else than a dict or tensor");
    return status;
}

static enum status op_persistent_id(struct machine *machine)
{
    const struct pickle_value *id = NULL;
    struct pickle_value *result = NULL;
    enum status status = pop(machine, &id);
    if (!status)
        status = make(machine, PICKLE_OPAQUE, &result);
    if (!status)
        status = pickle_make_storage(machine->source, id, result);
    return status ? status : push(machine, result);
}

static enum status memo_set(struct machine *machine, uint64_t index)
{
    const struct pickle_value *value = NULL;
    enum status status = top(machine, &value);
    if (status)
        return status;
    /* Picklers number from 0 on without gaps: the memo never outgrows the pickle. */
    if (index > machine->memo.count || index >= MAX_MEMO)
        return bad(machine, "the memo is not numbered one by one");
    status = reserve(machine, &machine->memo, (size_t)index + 1);
    if (status)
        return status;
    machine->memo.values[index] = value;
    if (index == machine->memo.count)
        machine->memo.count++;
    return STATUS_OK;
}

static enum status op_put(struct machine *machine)
{
    return memo_set(machine, machine->operand);
}

static enum status op_memoize(struct machine *machine)
{
    return memo_set(machine, machine->memo.count);
}

static enum status op_get(struct machine *machine)
{
    if (machine->operand >= machine->memo.count)
        return bad(machine, "the memo has no such entry");
    return push(machine, machine->memo.values[machine->operand]);
}

/* clang-format off */
static const struct opcode opcodes[256] = {
    [0x80] = {"PROTO", 1, op_proto},
    [0x95] = {"FRAME", 8, op_frame},
    ['('] = {"MARK", 0, op_mark},
    ['.'] = {"STOP", 0, op_stop},
    ['N'] = {"NONE", 0, op_opaque},
    [0x88] = {"NEWTRUE", 0, op_opaque},
    [0x89] = {"NEWFALSE", 0, op_opaque},
    ['G'] = {"BINFLOAT", 8, op_opaque},
    ['J'] = {"BININT", 4, op_signed32},
    ['K'] = {"BININT1", 1, op_unsigned},
    ['M'] = {"BININT2", 2, op_unsigned},
    [0x8a] = {"LONG1", 1, op_long},
    [0x8b] = {"LONG4", 4, op_long},
    ['X'] = {"BINUNICODE", 4, op_string},
    [0x8c] = {"SHORT_BINUNICODE", 1, op_string},
    [0x8d] = {"BINUNICODE8", 8, op_string},
    ['U'] = {"SHORT_BINSTRING", 1, op_string},
    ['B'] = {"BINBYTES", 4, op_bytes},
    ['C'] = {"SHORT_BINBYTES", 1, op_bytes},
    ['t'] = {"TUPLE", 0, op_tuple},
    [')'] = {"EMPTY_TUPLE", 0, op_tuple0},
    [0x85] = {"TUPLE1", 0, op_tuple1},
    [0x86] = {"TUPLE2", 0, op_tuple2},
    [0x87] = {"TUPLE3", 0, op_tuple3},
    [']'] = {"EMPTY_LIST", 0, op_empty_list},
    ['a'] = {"APPEND", 0, op_append},
    ['e'] = {"APPENDS", 0, op_appends},
    ['}'] = {"EMPTY_DICT", 0, op_empty_dict},
    ['s'] = {"SETITEM", 0, op_setitem},
    ['u'] = {"SETITEMS", 0, op_setitems},
    ['c'] = {"GLOBAL", 0, op_global},
    [0x93] = {"STACK_GLOBAL", 0, op_stack_global},
    ['R'] = {"REDUCE", 0, op_reduce},
    ['b'] = {"BUILD", 0, op_build},
    ['Q'] = {"BINPERSID", 0, op_persistent_id},
    ['q'] = {"BINPUT", 1, op_put},
    ['r'] = {"LONG_BINPUT", 4, op_put},
    [0x94] = {"MEMOIZE", 0, op_memoize},
    ['h'] = {"BINGET", 1, op_get},
    ['j'] = {"LONG_BINGET", 4, op_get},
};
/* clang-format on */

static enum status step(struct machine *machine)
{
    const unsigned char *bytes = NULL;
    machine->opcode_position = machine->position;
    enum status status = take(machine, 1, &bytes);
    if (status)
        return bad(machine, "the pickle ends without STOP");
    const struct opcode *opcode = &opcodes[bytes[0]];
    if (!opcode->name)
        return pickle_fail(machine->source, STATUS_UNSUPPORTED, machine->opcode_position,
                           "opcode 0x%02x, which torch.save does not write for weights", bytes[0]);
    if (machine->opcode_position == 0 && bytes[0] != 0x80)
        return bad(machine, "it does not begin as a pickle of protocol 2 or later");
    status = take(machine, (uint64_t)opcode->operand_bytes, &bytes);
    if (status)
        return pickle_fail(machine->source, STATUS_BAD_FORMAT, machine->opcode_position,
                           "the pickle ends within opcode %s", opcode->name);
    machine->operand = 0;
    for (int i = opcode->operand_bytes - 1; i >= 0; i--)
        machine->operand = machine->operand << 8 | bytes[i];
    return opcode->run(machine);
}

enum status pickle_read(const struct pickle_source *source, const struct pickle_value **out)
{
    struct machine machine = {.source = source};
    if (source->size > MAX_BYTES)
        return fail(source->err, STATUS_UNSUPPORTED,
                    "%s: a pickle of %zu bytes, at most %d are "
                    "read",
                    source->place, source->size, MAX_BYTES);
    enum status status = reserve(&machine, &machine.stack, 1);
    while (!status && !machine.result)
        status = step(&machine);
    if (!status)
        *out = machine.result;
    return status;
}
