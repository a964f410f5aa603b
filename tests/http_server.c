/* A server of files for the tests of scripts/get_data.sh, which can break transfers on purpose.
 *     http_server ROOT       prints its port, serves ROOT on 127.0.0.1, one request at a time
 *
 * ROOT/log gets a line per request: method, path, first byte.  Beside a file F, the first line of
 * F.serve changes how F is served:
 *     break N     the connection ends N bytes into the file, whatever the range; then F.serve goes
 *     stop N      likewise, every time
 *     norange     ranges are ignored: the answer is the whole file
 *     nolength    the length is not told; the end is that of the connection
 *     status N    an empty answer with that status */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

struct request {
    char method[8], path[1024];
    long first; /* of "Range: bytes=N-"; -1 without */
};

struct manner {
    char word[16];
    long number;
};

static bool read_request(FILE *in, struct request *request)
{
    char line[4096];
    request->first = -1;
    if (!fgets(line, sizeof line, in) ||
        sscanf(line, "%7s %1023s", request->method, request->path) != 2)
        return false;
    request->path[strcspn(request->path, "?")] = '\0';
    while (fgets(line, sizeof line, in) && line[0] != '\r' && line[0] != '\n')
        if (strncasecmp(line, "range: bytes=", 13) == 0)
            request->first = strtol(line + 13, NULL, 10);
    return true;
}

/* How the file is to be served; a "break" is used up. */
static struct manner manner_of(const char *path)
{
    char name[2100];
    struct manner manner = {0};
    snprintf(name, sizeof name, "%s.serve", path);
    FILE *file = fopen(name, "r");
    if (!file)
        return manner;
    if (fscanf(file, "%15s %ld", manner.word, &manner.number) < 1)
        manner.word[0] = '\0';
    fclose(file);
    if (strcmp(manner.word, "break") == 0)
        unlink(name);
    return manner;
}

static void send_file(FILE *out, FILE *file, long size, const struct request *request,
                      const struct manner *manner)
{
    bool ranges = strcmp(manner->word, "norange") != 0;
    bool has_end = strcmp(manner->word, "break") == 0 || strcmp(manner->word, "stop") == 0;
    long first = ranges && request->first > 0 ? request->first : 0;
    long end = has_end && manner->number < size ? manner->number : size;
    if (first >= size && first > 0) {
        fprintf(out, "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\n\r\n");
        return;
    }
    fprintf(out, "HTTP/1.1 %s\r\nConnection: close\r\n", first ? "206 Partial Content" : "200 OK");
    if (first)
        fprintf(out, "Content-Range: bytes %ld-%ld/%ld\r\n", first, size - 1, size);
    if (strcmp(manner->word, "nolength") != 0)
        fprintf(out, "Content-Length: %ld\r\n", size - first);
    fprintf(out, "\r\n");
    if (strcmp(request->method, "HEAD") == 0)
        return;
    fseek(file, first, SEEK_SET);
    for (long i = first; i < end; i++)
        fputc(fgetc(file), out);
}

static void answer(const char *root, FILE *in, FILE *out)
{
    struct request request;
    char path[2048];
    if (!read_request(in, &request))
        return;
    snprintf(path, sizeof path, "%s/log", root);
    FILE *log = fopen(path, "a");
    if (log) {
        fprintf(log, "%s %s %ld\n", request.method, request.path, request.first);
        fclose(log);
    }
    snprintf(path, sizeof path, "%s%s", root, request.path);
    struct manner manner = {0};
    if (strcmp(request.method, "GET") == 0)
        manner = manner_of(path);
    FILE *file = fopen(path, "r");
    if (!file || strcmp(manner.word, "status") == 0) {
        fprintf(out, "HTTP/1.1 %ld No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                file ? manner.number : 404);
    } else {
        fseek(file, 0, SEEK_END);
        send_file(out, file, ftell(file), &request, &manner);
    }
    if (file)
        fclose(file);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int server = socket(AF_INET, SOCK_STREAM, 0);
    if (server < 0 || bind(server, (struct sockaddr *)&address, sizeof address) ||
        listen(server, 16) || getsockname(server, (struct sockaddr *)&address, &size))
        return 1;
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        int client = accept(server, NULL, NULL);
        if (client < 0)
            continue;
        FILE *in = fdopen(client, "r"), *out = fdopen(dup(client), "w");
        if (in && out)
            answer(argv[1], in, out);
        if (out)
            fclose(out);
        if (in)
            fclose(in);
    }
}
