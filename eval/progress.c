#include "eval/progress.h"

#include "engine/base/clock.h"
#include "engine/base/text.h"
#include "eval/output.h"
#include "reports/json_writer.h"

#include <math.h>
#include <string.h>

#define MILLISECOND INT64_C(1000000)

const char *const progress_choices[] = {"auto", "line", "plain", "json", "none", NULL};

enum progress_style progress_style_named(const char *name)
{
    int i = 0;
    while (progress_choices[i] && strcmp(progress_choices[i], name) != 0)
        i++;
    return (enum progress_style)i;
}

/* Samples a second of this process; NAN before the first. */
static double rate_of(const struct progress *progress)
{
    double seconds = (double)(clock_ns() - progress->began_ns) * 1e-9;
    size_t here = progress->done - progress->start;
    return here > 0 && seconds > 0 ? (double)here / seconds : (double)NAN;
}

static double seconds_left(const struct progress *progress)
{
    return (double)(progress->total - progress->done) / rate_of(progress);
}

static void add_line(const struct progress *progress, struct text *line)
{
    double rate = rate_of(progress);
    struct interval interval = running_interval(&progress->right);
    size_t seen = progress->pictures + progress->reused;
    text_addf(line, "%s: %zu of %zu", progress->what, progress->done, progress->total);
    if (progress->failed > 0)
        text_addf(line, ", %zu failed", progress->failed);
    if (!isnan(rate)) {
        text_addf(line, rate >= 10 ? ", %.0f/s" : ", %.2f/s", rate);
        if (progress->done < progress->total) {
            text_add(line, ", about ");
            add_duration(line, seconds_left(progress));
            text_add(line, " left");
        }
    }
    if (progress->right.n > 0)
        text_addf(line, ", %.1f %% right", running_value(&progress->right) * 100);
    if (!isnan(interval.low))
        text_addf(line, " (%.1f to %.1f)", interval.low * 100, interval.high * 100);
    if (progress->reused > 0)
        text_addf(line, ", %.0f %% of pictures at hand",
                  (double)progress->reused / (double)seen * 100);
}

static void add_object(const struct progress *progress, struct text *line)
{
    struct json_writer writer;
    struct interval interval = running_interval(&progress->right);
    json_begin_line(&writer, line);
    json_open(&writer, NULL, '{');
    json_put_string(&writer, "task", progress->what);
    json_put_count(&writer, "done", progress->done);
    json_put_count(&writer, "total", progress->total);
    json_put_count(&writer, "failed", progress->failed);
    json_put_number(&writer, "per_second", rate_of(progress));
    json_put_number(&writer, "seconds_left", seconds_left(progress));
    json_put_number(&writer, "right", running_value(&progress->right));
    json_put_number(&writer, "low", interval.low);
    json_put_number(&writer, "high", interval.high);
    json_put_count(&writer, "pictures_read", progress->pictures);
    json_put_count(&writer, "pictures_reused", progress->reused);
    json_close(&writer, '}');
}

static void print(struct progress *progress)
{
    struct text line;
    text_init(&line);
    if (progress->style == PROGRESS_JSON)
        add_object(progress, &line);
    else
        add_line(progress, &line);
    if (progress->style == PROGRESS_LINE)
        output_status_line(text_string(&line));
    else
        message("%s", text_string(&line));
    text_release(&line);
    progress->printed_ns = clock_ns();
}

void progress_begin(struct progress *progress, enum progress_style style)
{
    if (style == PROGRESS_AUTO)
        style = output_has_terminal() ? PROGRESS_LINE : PROGRESS_PLAIN;
    progress->style = style;
    progress->began_ns = progress->printed_ns = clock_ns();
}

void progress_show(struct progress *progress)
{
    static const int64_t intervals[] = {[PROGRESS_LINE] = 200 * MILLISECOND,
                                        [PROGRESS_PLAIN] = 30000 * MILLISECOND,
                                        [PROGRESS_JSON] = 1000 * MILLISECOND,
                                        [PROGRESS_NONE] = INT64_MAX};
    if (clock_ns() - progress->printed_ns >= intervals[progress->style])
        print(progress);
}

void progress_end(struct progress *progress)
{
    struct text line;
    if (progress->style == PROGRESS_NONE)
        return;
    if (progress->style == PROGRESS_JSON) {
        print(progress);
        return;
    }
    text_init(&line);
    text_addf(&line, "%s: %zu of %zu", progress->what, progress->done, progress->total);
    if (progress->start > 0)
        text_addf(&line, ", %zu of them now", progress->done - progress->start);
    text_addf(&line, ", %zu failed, in ", progress->failed);
    add_duration(&line, (double)(clock_ns() - progress->began_ns) * 1e-9);
    message("%s", text_string(&line));
    text_release(&line);
}
