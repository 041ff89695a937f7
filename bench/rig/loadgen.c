/* A load generator for the benches: HTTP/1.1 over keep-alive connections to one loopback port, from one thread.
 *
 *   loadgen PORT CONNECTIONS SECONDS RATE FILE
 *
 * FILE holds whole requests, each preceded by its length (32 bits, little-endian); they are sent in turn, over and over.
 * RATE 0: each connection sends its next request when the answer to the last has come. RATE r: r requests a second are
 * due at even distances, and a latency counts from the moment a request was due, so that waiting behind a slow answer
 * is not forgotten. It polls without sleeping, and so wants a core of its own. Prints one JSON line; latencies in ms, its own processor time in seconds.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 1 << 17, MOST = 1024, TOP_US = 2000000 };

struct connection {
    int fd, busy;
    size_t have;
    double since;
    char in[BUFFER];
};

static struct { char *data; uint32_t size; } *requests;
static size_t n_requests, next_request;
static struct connection connections[MOST];
static uint32_t *histogram; /* by microsecond */
static uint64_t answers, bids, no_bids, errors;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static void fail(const char *what) {
    fprintf(stderr, "loadgen: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void load(const char *path) {
    FILE *file = fopen(path, "rb");
    uint32_t size;
    size_t room = 0;
    if (!file) fail(path);
    while (fread(&size, 4, 1, file) == 1) {
        if (n_requests == room) {
            room = room ? room * 2 : 1024;
            requests = realloc(requests, room * sizeof *requests);
        }
        requests[n_requests].size = size;
        requests[n_requests].data = malloc(size);
        if (fread(requests[n_requests].data, 1, size, file) != size) fail("the request file ends early");
        n_requests++;
    }
    fclose(file);
    if (!n_requests) { fprintf(stderr, "loadgen: %s holds no request\n", path); exit(1); }
}

static void send_next(struct connection *c, double since) {
    char *data = requests[next_request].data;
    size_t size = requests[next_request].size, sent = 0;
    next_request = (next_request + 1) % n_requests;
    while (sent < size) { /* requests are far smaller than a socket's buffer */
        ssize_t n = send(c->fd, data + sent, size - sent, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR && errno != EAGAIN) fail("send");
        if (n > 0) sent += n;
    }
    c->busy = 1;
    c->since = since;
}

/* Takes one whole answer from the connection's buffer; 0 if it is not all there. */
static int take_answer(struct connection *c, double at) {
    char *end = memmem(c->in, c->have, "\r\n\r\n", 4), *length;
    size_t head, body = 0;
    long us;
    int status;
    if (!end) return 0;
    head = end - c->in + 4;
    *end = 0;
    length = strcasestr(c->in, "\r\nContent-Length:");
    if (length) body = strtoul(length + 17, NULL, 10);
    *end = '\r';
    if (c->have < head + body) return 0;
    status = atoi(c->in + 9);
    answers++;
    if (status == 204) no_bids++;
    else if (status != 200) errors++;
    else if (memmem(c->in + head, body, "\"price\":", 8) || body == 0) bids++;
    else no_bids++;
    us = (long)((at - c->since) * 1e6);
    histogram[us < 0 ? 0 : us >= TOP_US ? TOP_US - 1 : us]++;
    memmove(c->in, c->in + head + body, c->have - head - body);
    c->have -= head + body;
    c->busy = 0;
    return 1;
}

static double quantile(double q) {
    uint64_t seen = 0, wanted = (uint64_t)(answers * q);
    for (long us = 0; us < TOP_US; us++)
        if ((seen += histogram[us]) > wanted) return us / 1000.0;
    return 0;
}

int main(int argc, char **argv) {
    if (argc != 6) { fprintf(stderr, "usage: loadgen PORT CONNECTIONS SECONDS RATE FILE\n"); return 2; }
    int n = atoi(argv[2]), poll = epoll_create1(0), one = 1;
    double seconds = atof(argv[3]), rate = atof(argv[4]);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    histogram = calloc(TOP_US, sizeof *histogram);
    load(argv[5]);
    if (n < 1 || n > MOST) { fprintf(stderr, "loadgen: 1 to %d connections\n", MOST); return 2; }
    for (int i = 0; i < n; i++) {
        struct connection *c = &connections[i];
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        c->fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(c->fd, (void *)&address, sizeof address)) fail("connect");
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        epoll_ctl(poll, EPOLL_CTL_ADD, c->fd, &event);
    }
    double start = now(), end = start + seconds, due = start, at = start;
    if (!rate) for (int i = 0; i < n; i++) send_next(&connections[i], start);
    while (at < end) {
        struct epoll_event events[64];
        int ready = epoll_wait(poll, events, 64, 0); /* never asleep: the server is not charged for waking it */
        at = now();
        for (int i = 0; i < ready; i++) {
            struct connection *c = events[i].data.ptr;
            ssize_t got = recv(c->fd, c->in + c->have, BUFFER - c->have, MSG_DONTWAIT);
            if (got == 0) { fprintf(stderr, "loadgen: the server closed a connection\n"); return 1; }
            if (got > 0) c->have += got;
            while (c->busy && take_answer(c, at))
                if (!rate) send_next(c, at);
        }
        if (rate) {
            for (int i = 0; i < n && due <= at; i++)
                if (!connections[i].busy) { send_next(&connections[i], due); due += 1 / rate; }
        }
    }
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double cpu = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
    printf("{\"seconds\":%.3f,\"answers\":%lu,\"bids\":%lu,\"no_bids\":%lu,\"errors\":%lu,\"p50_ms\":%.3f,\"p99_ms\":%.3f,"
           "\"p999_ms\":%.3f,\"cpu_s\":%.3f}\n", at - start, answers, bids, no_bids, errors, quantile(.5), quantile(.99),
           quantile(.999), cpu);
    return 0;
}
