/*
 * The plugin on a node with an agent: hands the request to the agent, runs the delegate for it (so
 * that it stays in the runtime's cgroup) and prints the answer. Where the agent is no help, this
 * process becomes the packed binary, which needs none. Decision 0078 describes the frames.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#define PACKED "tenant-routing-wrapper.bin"
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers in frames are little-endian");
enum {
    MAX_INPUT = 8 << 20,  // MAX_INPUT_BYTES of lib/cni/json.ts; one more byte says: too much
    MAX_FRAME = 16 << 20, // more than a request with its environment, or a result, can have
    HELLO_MS = 1000, SILENCE_MS = 10000, // the agent gives a sign of life every second
    DRAIN_MS = 200, KILL_MS = 2000,      // as in lib/node/exec.ts
};
struct head { uint8_t type; uint32_t size; } __attribute__((packed));
struct frame { struct head head; char *data; };
struct output { int fd; char *data; uint32_t size, most; bool over; };
struct result { uint32_t status, signal, flags, problem, size; };

static char **arguments;
static int input = -1;    // a memory file with all of stdin: the packed binary may still need it
static int children = -1; // readable when a child has ended
static int agent = -1;
static int64_t limit;     // when the agent is given up
static bool gone;         // 'G' was sent: the agent may have begun
static char token[256], chunk[64 << 10];

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

// Waits until a time; 0: for ever. Looks even after that: this process may have been stopped.
static bool ready(int fd, short events, int64_t until) {
    struct pollfd one = {fd, events, 0};
    int64_t left = until - now();
    int n = poll(&one, 1, until == 0 ? -1 : left < 0 ? 0 : (int)left);
    return n > 0 || (n < 0 && errno == EINTR && ready(fd, events, until));
}

// Returns 0 or an errno. Whoever shares the descriptor may have made it non-blocking.
static uint32_t write_all(int fd, const char *data, size_t size) {
    while (size > 0) {
        ssize_t n = write(fd, data, size);
        if (n > 0) data += n, size -= (size_t)n;
        else if (n < 0 && errno == EAGAIN) ready(fd, POLLOUT, 0);
        else if (n == 0 || errno != EINTR) return n == 0 ? EIO : (uint32_t)errno;
    }
    return 0;
}

static _Noreturn void become_packed(void) {
    char path[4096 + sizeof PACKED] = "", text[400];
    ssize_t length = readlink("/proc/self/exe", path, 4096);
    while (length > 0 && path[length - 1] != '/') length--;
    if (length > 0) memcpy(path + length, PACKED, sizeof PACKED), execv(path, arguments);
    // A runtime takes a DEL that says "no such file" for done, so the system's words are not used.
    const char *why = errno == ENOENT ? "missing" : errno == EACCES ? "not executable" : "unusable";
    bool cli = (arguments[0] && arguments[1]) || !getenv("CNI_COMMAND") || !*getenv("CNI_COMMAND");
    char *p = stpcpy(text, cli ? "" : "{\"cniVersion\":\"1.1.0\",\"code\":5,\"msg\":\"");
    p = stpcpy(stpcpy(p, "the launcher cannot become " PACKED ", which is "), why);
    p = stpcpy(p, ": install the packed binary under that name beside it, or in its place");
    write_all(cli ? 2 : 1, text, (size_t)(stpcpy(p, cli ? "\n" : "\"}\n") - text));
    exit(cli ? 2 : 1);
}

// 8 is MFD_NOEXEC_SEAL: a node may refuse memory files without it, an old kernel those with it.
static int memory_file(void) {
    int fd = memfd_create("stdin", MFD_CLOEXEC | 8);
    return fd >= 0 || errno != EINVAL ? fd : memfd_create("stdin", MFD_CLOEXEC);
}

// Reads all of stdin; returns its size. What cannot be read, the packed binary complains about.
static size_t read_input(void) {
    size_t size = 0, room = MAX_INPUT + 1;
    for (input = memory_file(); input >= 0; room = MAX_INPUT + 1 - size) {
        ssize_t n = read(0, chunk, room < sizeof chunk ? room : sizeof chunk);
        if (n == 0) return size;
        if (n > 0 ? write_all(input, chunk, n) != 0 : errno != EAGAIN && errno != EINTR) break;
        if (n > 0) size += (size_t)n;
        else ready(0, POLLIN, 0);
    }
    become_packed();
}

// Sends or receives all of it; false when the agent is lost. Every byte is a sign of life.
static bool transfer(bool out, void *data, size_t size) {
    for (char *p = data; size > 0;) {
        ssize_t n = out ? send(agent, p, size, MSG_NOSIGNAL) : recv(agent, p, size, 0);
        if (n > 0 && gone) limit = now() + SILENCE_MS;
        if (n > 0) p += n, size -= (size_t)n;
        else if (n == 0 || (errno != EAGAIN && errno != EINTR)) return false;
        else if (!ready(agent, out ? POLLOUT : POLLIN, limit)) return false;
    }
    return true;
}

static bool send_frame(uint8_t type, void *data, size_t size, size_t more) {
    struct head head = {type, (uint32_t)(size + more)};
    return transfer(true, &head, sizeof head) && transfer(true, data, size);
}

// Replaces a frame by the next one. The byte after its payload is zero, so that strings end there.
static bool next_frame(struct frame *f) {
    free(f->data);
    f->data = NULL;
    return transfer(false, &f->head, sizeof f->head) && f->head.size <= MAX_FRAME &&
           (f->data = calloc(1, f->head.size + 1u)) && transfer(false, f->data, f->head.size);
}

// True for a frame without a task. A pipe that polls writable takes 4 KiB without blocking.
static bool is_aside(const struct frame *f) {
    const char *p = f->data, *end = p + f->head.size;
    for (ssize_t n; f->head.type == 'E' && p < end && ready(2, POLLOUT, 1); p += n)
        if ((n = write(2, p, end - p < 4096 ? (size_t)(end - p) : 4096)) <= 0) break;
    return f->head.type == 'E' || f->head.type == 'K';
}

// Connects to root's socket or our own. A full backlog is no agent: it does not block.
static bool connect_agent(void) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    struct ucred peer = {.pid = 0};
    socklen_t length = sizeof peer;
    const char *path = getenv("TENANT_ROUTING_AGENT_SOCKET");
    const char *set = getenv("TENANT_ROUTING_AGENT_TIMEOUT_MS");
    limit = now() + (set && atoi(set) > 0 ? atoi(set) : HELLO_MS);
    if (!path) path = "/run/tenant-routing/agent.sock";
    if (!*path || strlen(path) >= sizeof to.sun_path) return false;
    strcpy(to.sun_path, path);
    agent = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return agent >= 0 && connect(agent, (struct sockaddr *)&to, sizeof to) == 0 &&
           getsockopt(agent, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 &&
           (peer.uid == 0 || peer.uid == geteuid());
}

// Sends the request; true once the agent has said hello and been told to go.
static bool offer(size_t size) {
    struct head hello = {0, 0};
    uint32_t env = 0, pid = (uint32_t)getpid();
    for (char **e = environ; *e; e++) env += (uint32_t)strlen(*e) + 1;
    char *all = malloc(env + size), *p = all;
    if (!all) return false;
    for (char **e = environ; *e; e++) p = stpcpy(p, *e) + 1;
    bool there = pread(input, p, size, 0) == (ssize_t)size && transfer(true, "TRAGENT\1", 8) &&
                 send_frame('Q', &env, 4, env + size) && transfer(true, all, env + size) &&
                 transfer(false, &hello, sizeof hello) && hello.type == 'H' &&
                 hello.size < sizeof token && transfer(false, token, hello.size);
    free(all);
    gone = there && send_frame('G', &pid, 4, 0);
    limit = now() + SILENCE_MS;
    return gone;
}

// Strings that each end in a zero byte, after `first`, for execve.
static char **vector(char *first, char *p, size_t size) {
    char **all = calloc(size + 2, sizeof *all), **at = all;
    if (all && first) *at++ = first;
    for (char *end = p + size; all && p < end; p += strlen(p) + 1) *at++ = p;
    return all;
}

// Starts what an 'X' asks for, in a group of its own and with none of our signals. Returns 0, an
// errno, or EPROTO when the frame is malformed.
static int start(struct frame *f, struct output out[2], pid_t *pid) {
    char *p = f->data + 12, *end = f->data + f->head.size, *part[3];
    uint32_t n[3];
    for (int i = 0; i < 3; i++, p += n[i - 1]) {
        if (end - p < 4) return EPROTO;
        memcpy(&n[i], p, 4);
        if (end - (part[i] = p += 4) < n[i]) return EPROTO;
    }
    part[0][n[0]] = '\0'; // over a length that has been read
    char **argv = vector(part[0], part[1], n[1]), **env = vector(NULL, part[2], n[2]);
    int fds[3] = {memory_file(), -1, -1}, pair[2], problem = argv && env ? 0 : ENOMEM;
    if (pwrite(fds[0], p, (size_t)(end - p), 0) != end - p) problem = errno;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t all, none;
    sigfillset(&all), sigemptyset(&none);
    posix_spawn_file_actions_init(&actions), posix_spawnattr_init(&attr);
    posix_spawnattr_setsigdefault(&attr, &all), posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setflags(
        &attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    for (int i = 0; i < 2 && !problem; i++) {
        memcpy(&out[i].most, f->data + 4 + 4 * i, 4);
        if (out[i].most <= MAX_FRAME) out[i].data = malloc(out[i].most + 1u);
        problem = !out[i].data ? ENOMEM : pipe2(pair, O_CLOEXEC) ? errno : 0;
        if (!problem) out[i].fd = pair[0], fds[i + 1] = pair[1];
    }
    for (int i = 0; i < 3 && !problem; i++)
        problem = posix_spawn_file_actions_adddup2(&actions, fds[i], i);
    if (!problem) problem = posix_spawn_file_actions_addchdir_np(&actions, "/");
    if (!problem) problem = posix_spawn(pid, part[0], &actions, &attr, argv, env);
    posix_spawn_file_actions_destroy(&actions), posix_spawnattr_destroy(&attr);
    for (int i = 0; i < 3; i++) close(fds[i]);
    free(argv), free(env);
    return problem;
}

// One read of what a program prints.
static void collect(struct output *o) {
    ssize_t n = read(o->fd, chunk, sizeof chunk), room = o->most - o->size;
    if (n == 0 || (n < 0 && errno != EINTR)) close(o->fd), o->fd = -1;
    if (n > 0) memcpy(o->data + o->size, chunk, (size_t)(n < room ? n : room));
    if (n > 0) o->size += (uint32_t)(n < room ? n : room), o->over |= n > room;
}

// Answers an 'X', with the same meaning of everything as lib/node/exec.ts. False when the agent is
// lost: the program is then ended, and all that is in its group.
static bool run(struct frame *x) {
    struct output out[2] = {{.fd = -1}, {.fd = -1}};
    struct result result = {.status = UINT32_MAX};
    struct frame f = {.data = NULL};
    struct signalfd_siginfo news;
    siginfo_t end = {.si_pid = 0};
    pid_t pid = 0;
    result.problem = (uint32_t)start(x, out, &pid);
    if (result.problem == EPROTO) return false;
    int64_t until = now() + *(uint32_t *)x->data;
    bool killed = false, lost = false;
    while (!result.problem) {
        struct pollfd fds[] = {{lost ? -1 : agent, POLLIN, 0}, {children, POLLIN, 0},
                               {out[0].fd, POLLIN, 0}, {out[1].fd, POLLIN, 0}};
        int64_t left = (until < limit || lost ? until : limit) - now();
        if (poll(fds, 4, left < 0 ? 0 : (int)left) < 0) continue;
        if (fds[0].revents) lost = !next_frame(&f) || !is_aside(&f);
        else lost = lost || now() >= limit;
        if (fds[1].revents && read(children, &news, sizeof news) < 0) continue;
        // The end is looked for before the output is read, so that none of it is missed, and the
        // program is reaped last, so that nobody else can have got its number.
        if (!end.si_pid && waitid(P_PID, (id_t)pid, &end, WEXITED | WNOHANG | WNOWAIT) == 0)
            until = end.si_pid ? now() + DRAIN_MS : until;
        for (int i = 0; i < 2; i++) if (fds[2 + i].revents) collect(&out[i]);
        if (!killed && (lost || out[0].over || (!end.si_pid && now() >= until))) {
            kill(-pid, SIGKILL), killed = true, result.flags = !lost && !out[0].over;
            if (!end.si_pid) until = now() + KILL_MS;
        }
        if (now() >= until || (end.si_pid && (lost || (out[0].fd < 0 && out[1].fd < 0)))) break;
    }
    if (!result.problem) waitpid(pid, NULL, WNOHANG);
    if (end.si_code == CLD_EXITED) result.status = (uint32_t)end.si_status;
    else if (!result.problem) result.signal = end.si_pid ? (uint32_t)end.si_status : SIGKILL;
    result.flags |= out[0].over ? 2 : 0, result.size = out[0].size;
    bool ok = !lost && send_frame('R', &result, sizeof result, out[0].size + out[1].size) &&
              transfer(true, out[0].data, out[0].size) && transfer(true, out[1].data, out[1].size);
    for (int i = 0; i < 2; free(out[i++].data)) close(out[i].fd);
    free(f.data);
    return ok;
}

// Does what the agent asks for; returns when it is lost.
static void serve(void) {
    struct frame f = {.data = NULL};
    for (bool ok = true; ok && next_frame(&f);) {
        bool number = f.head.size >= 4, answer = number && f.head.type == 'F';
        uint32_t problem = answer ? write_all(1, f.data + 4, f.head.size - 4) : 0;
        if (answer) ok = send_frame('D', &problem, 4, 0);
        if (number && !problem && (answer || f.head.type == 'Z')) exit((int)*(uint32_t *)f.data);
        if (!answer) ok = f.head.type == 'X' ? run(&f) : is_aside(&f);
    }
    free(f.data);
}

int main(int argc, char **argv) {
    arguments = argv;
    const char *verb = getenv("CNI_COMMAND");
    // VERSION is answered without reading stdin, which may stay open.
    if (argc > 1 || !verb || !*verb || strcmp(verb, "VERSION") == 0) become_packed();
    // No file of ours may get the number of a closed stdin, stdout or stderr.
    for (int fd = 0; fd >= 0 && fd <= 2;) fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    size_t size = read_input();
    sigset_t child, old_mask;
    sigemptyset(&child), sigaddset(&child, SIGCHLD), sigprocmask(SIG_BLOCK, &child, &old_mask);
    signal(SIGCHLD, SIG_DFL), signal(SIGPIPE, SIG_IGN);
    children = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    unsetenv("TENANT_ROUTING_TAKEOVER");
    if (children >= 0 && connect_agent() && offer(size)) serve();
    // It is no help. What it has begun, the packed binary learns from the journal.
    if (lseek(input, 0, SEEK_SET) == 0) dup2(input, 0);
    if (gone) setenv("TENANT_ROUTING_TAKEOVER", token, 1);
    signal(SIGPIPE, SIG_DFL), sigprocmask(SIG_SETMASK, &old_mask, NULL);
    become_packed();
}
