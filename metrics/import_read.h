/* metrics/import_read.h - what the formats of other programs are read with: records, ids, texts. */
#ifndef MAMBENCH_METRICS_IMPORT_READ_H
#define MAMBENCH_METRICS_IMPORT_READ_H

#include "datasets/records.h"
#include "engine/base/error.h"
#include "engine/base/json.h"
#include "metrics/import.h"

enum { IMPORT_ID_BYTES = 128 };

/* Reads one record into the reader. */
typedef enum status import_record(struct import_reader *reader, const cJSON *record,
                                  const struct records *records, struct error *err);

/* Reads every record of the file at path, which may be another one than the reader's. */
enum status import_records(struct import_reader *reader, const char *path,
                           enum records_layout layout, import_record *each, struct error *err);

/* The member called key, a string or a whole number below 2^53, as the id of a sample.
 * Errors: BAD_FORMAT (missing, of another type, fractional, too long). */
enum status import_read_id(const cJSON *object, const char *key, const char *place,
                           char id[IMPORT_ID_BYTES], struct error *err);

/* The name of a split of POPE in static storage, or NULL. */
const char *import_pope_split(const char *name);
/* That of an id such as "random/17", or NULL. */
const char *import_pope_split_of(const char *id);

/* Two finite numbers that add up to 1, or two NaNs (null where JSON has none), into the reader's
 * arena.  Errors: BAD_FORMAT. */
enum status import_read_pair(struct import_reader *reader, const cJSON *list, const char *key,
                             const char *place, const double **out, struct error *err);

/* The first string in nested lists: [["Yes"]] or ["Yes"] or "Yes"; NULL if there is none. */
const char *import_first_string(const cJSON *value);

/* Reads a file that has no records to be read one by one, a table, into scratch.  Errors:
 * BAD_FORMAT where it is larger than IMPORT_TEXT_BYTES, and those of file_read(). */
enum { IMPORT_TEXT_BYTES = 256 << 20 };
enum status import_read_text(struct import_reader *reader, char **data, size_t *size,
                             struct error *err);

#endif
