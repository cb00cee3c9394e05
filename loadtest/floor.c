/* The floor: what delivering costs when nothing is done but deliver it.
 *
 *     floor FRAME_BYTES SECONDS
 *
 * One thread, epoll, a plain upgrade answer, and one send() of a ready-made frame for each message
 * and connection. Every TRIGGER bytes that a connection sends ask for one message to all. Prints
 * its port; ends when a client leaves, or after SECONDS.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TRIGGER = 7, MAX_FD = 65536, MAX_FRAME = 65536, EVENTS = 512, BACKLOG = 4096 };

static const char UPGRADE[] =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";

static struct { char upgraded; size_t pending; } clients[MAX_FD];
static int receivers[MAX_FD];
static int receiver_count;
static unsigned char frame[MAX_FRAME];
static size_t frame_bytes;

static void die(const char *what)
{
    fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* A short write would be a damaged stream: the sender is to be paced so that none happens. */
static void send_all(int fd, const void *data, size_t size)
{
    if (send(fd, data, size, MSG_NOSIGNAL) != (ssize_t)size)
        die("send");
}

static void watch(int epoll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (fd >= MAX_FD || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
        die("watch");
}

static int listen_here(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) || listen(fd, BACKLOG)
        || getsockname(fd, (struct sockaddr *)&address, &size))
        die("listen");
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static void accept_all(int epoll, int listener)
{
    int fd, on = 1;
    while ((fd = accept4(listener, 0, 0, SOCK_NONBLOCK)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        watch(epoll, fd);
    }
    if (errno != EAGAIN)
        die("accept");
}

static void serve(int fd)
{
    static char buffer[65536];
    ssize_t got = recv(fd, buffer, sizeof buffer, 0);
    if (got <= 0)
        exit(0);
    if (!clients[fd].upgraded) { /* a client waits for the answer, so this is all of its request */
        clients[fd].upgraded = 1;
        receivers[receiver_count++] = fd;
        send_all(fd, UPGRADE, sizeof UPGRADE - 1);
        return;
    }
    for (clients[fd].pending += (size_t)got; clients[fd].pending >= TRIGGER;
         clients[fd].pending -= TRIGGER)
        for (int i = 0; i < receiver_count; i++)
            send_all(receivers[i], frame, frame_bytes);
}

int main(int argc, char **argv)
{
    if (argc != 3 || (frame_bytes = strtoul(argv[1], 0, 10)) < 130 || frame_bytes > MAX_FRAME)
        return fprintf(stderr, "usage: floor FRAME_BYTES SECONDS (130 to 65536 bytes)\n"), 2;
    alarm((unsigned)atoi(argv[2]));
    size_t payload = frame_bytes - 4;
    memset(frame, 'x', frame_bytes);
    frame[0] = 0x82, frame[1] = 126;
    frame[2] = (unsigned char)(payload >> 8), frame[3] = (unsigned char)payload;

    int epoll = epoll_create1(0), listener = listen_here();
    struct epoll_event events[EVENTS];
    watch(epoll, listener);
    for (;;) {
        int count = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < count; i++)
            if (events[i].data.fd == listener)
                accept_all(epoll, listener);
            else
                serve(events[i].data.fd);
    }
}
