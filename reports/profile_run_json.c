/* reports/profile_run_json.c - RUN/profile.json: all that was measured, for later. */
#include "reports/json_writer.h"
#include "reports/profile.h"
#include "reports/profile_fields.h"

static void put_run(struct json_writer *writer, const char *key, const struct profile_row *row,
                    const struct profile_run *run)
{
    struct text text;
    struct json_writer line;
    text_init(&text);
    json_begin_line(&line, &text);
    json_open(&line, NULL, '{');
    json_put_number(&line, "block", run->block);
    json_put_number(&line, "round", run->round);
    json_put_number(&line, "start", (double)run->start_ns);
    json_put_number(&line, "e2e", (double)run->e2e_ns);
    for (int s = 0; row->stamps && s < PROFILE_STAGES; s++)
        json_put_number(&line, profile_stage_key((enum profile_stage)s), (double)run->stage_ns[s]);
    if (row->stamps)
        json_put_number(&line, "ttft", (double)run->ttft_ns);
    json_open(&line, "gaps", '[');
    for (int g = 0; run->gaps_ns && g + 1 < row->new_tokens; g++)
        json_put_number(&line, NULL, (double)run->gaps_ns[g]);
    json_close(&line, ']');
    json_close(&line, '}');
    json_put_raw(writer, key, text_string(&text));
    writer->out->failed = writer->out->failed || text.failed;
    text_release(&text);
}

static void put_limits(struct json_writer *writer, const struct profile_record *record)
{
    json_open(writer, "limits", '{');
    json_put_number(writer, "read_bytes_per_s", record->read_bytes_per_s);
    json_open(writer, "product_flop_per_s", '{');
    for (int i = 0; i < PROFILE_MOST_TYPES; i++)
        if (record->product_types[i])
            json_put_number(writer, record->product_types[i], record->product_flop_per_s[i]);
    json_close(writer, '}');
    json_close(writer, '}');
}

static void put_pairs(struct json_writer *writer, const struct profile_record *record)
{
    json_open(writer, "compared", '[');
    for (size_t i = 0; i < record->n_pairs; i++) {
        const struct profile_pair *pair = &record->pairs[i];
        json_open(writer, NULL, '{');
        json_put_count(writer, "a", pair->a);
        json_put_count(writer, "b", pair->b);
        json_put_string(writer, "differ_in", pair->differ);
        json_put_number(writer, "percent", pair->e2e.percent);
        json_put_number(writer, "low", pair->e2e.low);
        json_put_number(writer, "high", pair->e2e.high);
        json_put_number(writer, "p", pair->e2e.p);
        json_put_count(writer, "pairs", pair->e2e.n);
        json_put_bool(writer, "differs", pair->e2e.differs);
        json_close(writer, '}');
    }
    json_close(writer, ']');
}

static void put_row(struct json_writer *writer, const struct profile_record *record,
                    const struct profile_row *row)
{
    struct profile_fields fields;
    profile_fields_fill(&fields, record, row, PROFILE_E2E);
    json_open(writer, NULL, '{');
    for (size_t i = 0; i < fields.n; i++)
        profile_put_field(writer, &fields.items[i]);
    if (row->cold.e2e_ns > 0)
        put_run(writer, "cold_run_ns", row, &row->cold);
    json_open(writer, "runs_ns", '[');
    for (size_t i = 0; i < row->n_runs; i++)
        put_run(writer, NULL, row, &row->runs[i]);
    json_close(writer, ']');
    json_close(writer, '}');
}

void profile_add_run_json(const struct profile_record *record, const char *identity,
                          double tokens_per_s, struct text *out)
{
    struct json_writer writer;
    json_begin(&writer, out);
    json_open(&writer, NULL, '{');
    json_put_count(&writer, "profile", 1);
    if (identity)
        json_put_raw(&writer, "identity", identity);
    json_put_string(&writer, "mambench", record->version);
    json_put_string(&writer, "command", record->command);
    json_put_string(&writer, "measured", record->started);
    json_put_count(&writer, "seed", record->seed);
    json_put_number(&writer, "tokens_per_s", tokens_per_s);
    json_open(&writer, "machine", '{');
    for (size_t i = 0; i < record->n_facts; i++)
        json_put_string(&writer, record->facts[i].name, record->facts[i].value);
    json_close(&writer, '}');
    put_limits(&writer, record);
    put_pairs(&writer, record);
    json_open(&writer, "rows", '[');
    for (size_t i = 0; i < record->n_rows; i++)
        put_row(&writer, record, &record->rows[i]);
    json_close(&writer, ']');
    json_close(&writer, '}');
}
