#include "eval/child.h"

#include "engine/base/clock.h"
#include "eval/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Files in memory: a command never waits for its reader. */
struct sinks {
    int out, err;
};

static void close_sinks(const struct sinks *sinks)
{
    if (sinks->out >= 0)
        close(sinks->out);
    if (sinks->err >= 0)
        close(sinks->err);
}

/* In the child, behind the fork: only calls that are safe there. */
static void become(const char *command, const struct sinks *sinks)
{
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    setpgid(0, 0);
    if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 || dup2(sinks->out, STDOUT_FILENO) < 0 ||
        dup2(sinks->err, STDERR_FILENO) < 0)
        _exit(126);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(126);
}

static bool read_all(int file, struct text *text)
{
    char buffer[65536];
    ssize_t n;
    off_t at = 0;
    while ((n = pread(file, buffer, sizeof buffer, at)) > 0) {
        text_add_bytes(text, buffer, (size_t)n);
        at += n;
    }
    return n == 0 && !text->failed;
}

/* The last line that is not blank, in place. */
static const char *last_line(struct text *text)
{
    while (text->length > 0 && strchr(" \t\r\n", text->data[text->length - 1]))
        text->data[--text->length] = '\0';
    const char *line = strrchr(text_string(text), '\n');
    return line ? line + 1 : text_string(text);
}

static enum exit_code refuse(int wait_status, const char *command, int errors, struct error *err)
{
    struct text told;
    text_init(&told);
    read_all(errors, &told);
    const char *line = last_line(&told), *colon = line[0] ? ": " : "";
    if (WIFSIGNALED(wait_status))
        fail(err, STATUS_MISMATCH, "'%.200s' was killed by signal %d%s%.300s", command,
             WTERMSIG(wait_status), colon, line);
    else
        fail(err, STATUS_MISMATCH, "'%.200s' ended with exit code %d%s%.300s", command,
             WEXITSTATUS(wait_status), colon, line);
    text_release(&told);
    return EXIT_DATA;
}

/* Waits for its end; a signal to this process goes to the command, which ends in its own way. */
static bool wait_for(pid_t process, int *wait_status, struct rusage *usage)
{
    while (wait4(process, wait_status, 0, usage) < 0) {
        if (errno != EINTR)
            return false;
        if (signals_caught())
            kill(-process, signals_caught());
    }
    return true;
}

static enum exit_code interrupted(struct error *err)
{
    fail(err, STATUS_MISMATCH, "interrupted: nothing was decided");
    return (enum exit_code)(128 + signals_caught());
}

static enum exit_code run_into(struct child *child, const char *command, const struct sinks *sinks,
                               struct error *err)
{
    int wait_status = 0;
    struct rusage usage;
    if (signals_caught())
        return interrupted(err);
    int64_t start = clock_ns();
    pid_t process = fork();
    if (process == 0)
        become(command, sinks);
    if (process > 0)
        setpgid(process, process); /* whoever is first */
    if (process < 0 || !wait_for(process, &wait_status, &usage)) {
        fail(err, STATUS_IO, "cannot start '%.200s': %s", command, strerror(errno));
        return EXIT_INTERNAL;
    }
    child->wall_ns = clock_ns() - start;
    child->peak_bytes = 1024.0 * (double)usage.ru_maxrss;
    if (signals_caught())
        return interrupted(err);
    if (!WIFEXITED(wait_status) || WEXITSTATUS(wait_status) != 0)
        return refuse(wait_status, command, sinks->err, err);
    if (read_all(sinks->out, &child->output))
        return EXIT_DONE;
    fail(err, STATUS_NO_MEMORY, "out of memory for what '%.200s' printed", command);
    return EXIT_INTERNAL;
}

enum exit_code child_run(struct child *child, const char *command, struct error *err)
{
    struct sinks sinks = {memfd_create("out", MFD_CLOEXEC), memfd_create("err", MFD_CLOEXEC)};
    enum exit_code code = EXIT_INTERNAL;
    *child = (struct child){0};
    text_init(&child->output);
    if (sinks.out >= 0 && sinks.err >= 0)
        code = run_into(child, command, &sinks, err);
    else
        fail(err, STATUS_IO, "cannot keep what a command prints: %s", strerror(errno));
    close_sinks(&sinks);
    if (code)
        text_release(&child->output);
    return code;
}
