/* reports/profile_trace.c - runs on a time line, for chrome://tracing and Perfetto. */
#include "reports/json_writer.h"
#include "reports/profile.h"

/* One event on a line of its own. */
static void begin_event(struct json_writer *writer, struct text *out, bool *first, const char *name,
                        const char *phase, size_t thread, double start_ns)
{
    text_add(out, *first ? "\n" : ",\n");
    *first = false;
    json_begin_line(writer, out);
    json_open(writer, NULL, '{');
    json_put_string(writer, "name", name);
    json_put_string(writer, "ph", phase);
    json_put_count(writer, "pid", 1);
    json_put_count(writer, "tid", thread);
    json_put_number(writer, "ts", start_ns * 1e-3);
}

static void add_span(struct text *out, bool *first, const char *name, size_t thread,
                     double start_ns, double ns)
{
    struct json_writer writer;
    begin_event(&writer, out, first, name, "X", thread, start_ns);
    json_put_number(&writer, "dur", ns * 1e-3);
    json_close(&writer, '}');
}

static void add_run(struct text *out, bool *first, const struct profile_row *row, size_t thread,
                    const struct profile_run *run)
{
    double at = (double)run->start_ns, token = at + (double)run->ttft_ns;
    struct json_writer writer;
    add_span(out, first, run == &row->cold ? "cold run" : "run", thread, at, (double)run->e2e_ns);
    for (int s = 0; s < PROFILE_STAGES; s++) {
        if (run->stage_ns[s] > 0)
            add_span(out, first, profile_stage_name(row, (enum profile_stage)s), thread, at,
                     (double)run->stage_ns[s]);
        at += (double)run->stage_ns[s];
    }
    for (int i = 0; run->gaps_ns && i < row->new_tokens; i++) {
        begin_event(&writer, out, first, "token", "i", thread, token);
        json_put_string(&writer, "s", "t");
        json_close(&writer, '}');
        token += i + 1 < row->new_tokens ? (double)run->gaps_ns[i] : 0;
    }
}

static void name_thread(struct text *out, bool *first, const struct profile_row *row, size_t thread)
{
    struct json_writer writer;
    struct text name;
    text_init(&name);
    text_addf(&name, "%s %s, %d threads, batch %d, depth %d", row->name ? row->name : row->asked,
              row->precision, row->threads, row->batch, row->depth);
    begin_event(&writer, out, first, "thread_name", "M", thread, 0);
    json_open(&writer, "args", '{');
    json_put_string(&writer, "name", text_string(&name));
    json_close(&writer, '}');
    json_close(&writer, '}');
    text_release(&name);
}

void profile_add_trace(const struct profile_record *record, struct text *out)
{
    bool first = true;
    text_add(out, "{\"displayTimeUnit\": \"ms\", \"traceEvents\": [");
    for (size_t i = 0; i < record->n_rows; i++) {
        const struct profile_row *row = &record->rows[i];
        name_thread(out, &first, row, i + 1);
        if (row->cold.e2e_ns > 0)
            add_run(out, &first, row, i + 1, &row->cold);
        for (size_t r = 0; r < row->n_runs; r++)
            add_run(out, &first, row, i + 1, &row->runs[r]);
    }
    text_add(out, "\n]}\n");
}
