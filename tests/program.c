/* A simulated program: hands its words, and its input where that is wanted, to the engine that stays
   (tests/resident.py), and says what comes back. Without that engine it starts one of its own. */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char part[65536];

static void say(int to, const char *from, ssize_t size)
{
    ssize_t done;

    for (; size > 0 && (done = write(to, from, size)) > 0; from += done, size -= done)
        ;
}

static void start(int there, int count, char **words)
{
    char **given = calloc(count + 5, sizeof *given);

    /* What it starts may hang, or go on for long. */
    close(there);
    given[0] = PYTHON, given[1] = "-I", given[2] = "-S", given[3] = STUB;
    memcpy(given + 4, words, count * sizeof *given);
    execv(PYTHON, given);
    exit(127);
}

/* What `#!` makes of it: this file, the program's own path, its words. */
int main(int count, char **words)
{
    struct sockaddr_un door = {.sun_family = AF_UNIX, .sun_path = DOOR};
    int there = socket(AF_UNIX, SOCK_STREAM, 0);
    mode_t mask = umask(0);
    size_t size = 0, length;
    uint32_t head[2];
    ssize_t got;
    char how;

    umask(mask);
    signal(SIGPIPE, SIG_IGN);
    if (connect(there, (struct sockaddr *)&door, sizeof door))
        start(there, count - 1, words + 1);
    for (int each = 1; each < count; each++)
        size += strlen(words[each]) + 1;
    char *told = malloc(size + 64), *end = told + 4;
    end += sprintf(end, "%d%c%d", (int)mask, 0, (int)getpid());
    for (int each = 1; each < count; each++) {
        *end++ = 0;
        length = strlen(words[each]);
        memcpy(end, words[each], length);
        end += length;
    }
    head[0] = htonl(end - told - 4);
    memcpy(told, head, 4);
    say(there, told, end - told);
    if (read(there, &how, 1) != 1 || (how != 'a' && how != 'i'))
        start(there, count - 1, words + 1);
    while (how == 'i' && (got = read(0, part, sizeof part)) > 0)
        say(there, part, got);
    shutdown(there, SHUT_WR);
    if (recv(there, head, 8, MSG_WAITALL) != 8)
        return 125;
    for (size = ntohl(head[1]); (got = read(there, part, sizeof part)) > 0;) {
        ssize_t out = (size_t)got < size ? got : (ssize_t)size;

        say(1, part, out);
        say(2, part + out, got - out);
        size -= out;
    }
    return ntohl(head[0]);
}
