/* engine/base/json.h - checked access to JSON read with cJSON, and JSON text written.
 *
 * Getters take the place they read from ("config.json: model") so that their errors name it. */
#ifndef MAMBENCH_ENGINE_BASE_JSON_H
#define MAMBENCH_ENGINE_BASE_JSON_H

#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "engine/base/text.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Parses length bytes; place names them in errors, which tell line and column.  Anything but
 * white space behind the value is an error, and so is what Python's json refuses: a byte order
 * mark, control characters, numbers such as 01 and 1.; and half a surrogate pair.  1e400 is
 * infinite; a string ends at \u0000; bytes are not checked to be UTF-8.  The caller frees *root
 * with cJSON_Delete(). */
enum status json_parse(cJSON **root, const char *data, size_t length, const char *place,
                       struct error *err);

/* Reads and parses a whole file, of at most JSON_FILE_BYTES: the tree is several times as large. */
enum { JSON_FILE_BYTES = 512 << 20 };
enum status json_read(cJSON **root, const char *path, struct error *err);

/* The member called key, compared with case, or NULL; of several the last, as in Python. */
const cJSON *json_find(const cJSON *object, const char *key);

/* Members that must exist with the named type; a missing or wrong one is BAD_FORMAT.
 * Returned strings belong to the tree. */
enum status json_get(const cJSON *object, const char *key, const char *place, const cJSON **out,
                     struct error *err);
enum status json_get_string(const cJSON *object, const char *key, const char *place,
                            const char **out, struct error *err);
enum status json_get_number(const cJSON *object, const char *key, const char *place, double *out,
                            struct error *err);

/* A whole number that fits in an int; 3.5 and 1e12 are errors. */
enum status json_get_int(const cJSON *object, const char *key, const char *place, int *out,
                         struct error *err);
enum status json_get_array(const cJSON *object, const char *key, const char *place,
                           const cJSON **out, struct error *err);

/* Optional members: the fallback where the key is missing, null or of another type. */
const char *json_string_or(const cJSON *object, const char *key, const char *fallback);
double json_number_or(const cJSON *object, const char *key, double fallback);
int json_int_or(const cJSON *object, const char *key, int fallback);
bool json_bool_or(const cJSON *object, const char *key, bool fallback);

/* Writes value as a JSON string, quotes included.  ASCII only, \uXXXX for the rest, as Python's
 * json.dumps does; invalid UTF-8 becomes \ufffd. */
void json_add_string(struct text *out, const char *value);

/* Writes a finite number with the fewest digits that read back to the same double, whole ones
 * without an exponent; anything else becomes null. */
void json_add_number(struct text *out, double value);

/* The next value of a large JSON array or object, one element at a time, so that the whole tree
 * is never held. */
enum { JSON_RECORD_BYTES = 64 << 20 }; /* the most that one element may have */
struct json_array {
    const char *data;
    size_t length;
    size_t position;
    size_t index; /* elements delivered so far */
    bool is_object;
    bool finished;
    const char *place;
    const char *member; /* NULL where the array itself is the text */
};

/* Positions the walker on the top-level array of data. */
enum status json_array_begin(struct json_array *array, const char *data, size_t length,
                             const char *place, struct error *err);

/* Positions the walker on the array that is the member called key of the top-level object.  The
 * other members, in front and behind, are checked and forgotten; the same key again is an error. */
enum status json_member_array_begin(struct json_array *array, const char *data, size_t length,
                                    const char *key, const char *place, struct error *err);
/* The same for a top-level object: json_array_next() then delivers its members in the order of the
 * file, a key that is there twice included; element->string is the key. */
enum status json_object_begin(struct json_array *object, const char *data, size_t length,
                              const char *place, struct error *err);

/* Delivers the next element in *element (caller frees it), or NULL at the end, from then on.  After
 * an error the walker must not be used again. */
enum status json_array_next(struct json_array *array, cJSON **element, struct error *err);

#endif
