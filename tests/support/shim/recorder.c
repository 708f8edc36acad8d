/* Writes down, in order, what a process does to the files of a folder and sends over TCP; may kill it at any of these.

   RECORDER_ROOT   the folder; what is called *-shm is left out (after a crash SQLite makes it anew)
   RECORDER_TRACE  the file that the records are appended to, by as many processes as like
   RECORDER_DIE    the number of the step at which to die by SIGKILL; 0 or nothing: never
   RECORDER_AFTER  1: when the step is done; else before it
   RECORDER_BESIDE 1: only syncs are steps, and none of the database's own: of folders, and of the files beside it

   Steps are numbered from 1 in each process. Lock files and `marks` are recorded and are no steps. All but syncs
   happens under one lock, so that records stand in the order of what they tell; a sync has a record where it begins
   and one where it has ended well, and promises what was written before the first. Linux only: it calls the kernel
   by number, and so needs no other library's names. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define FILES 65536
enum { NOT_OURS, STEPS, NO_STEPS, BESIDE };

struct record {
    uint32_t size, pid;
    int32_t fd;
    uint32_t kind;
    uint64_t at;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static const char *root = "";
static size_t root_size;
static int trace = -1, after, beside;
static long die_at, steps;
static unsigned char known[FILES];

static int yes(const char *setting)
{
    const char *said = getenv(setting);
    return said && *said == '1';
}

__attribute__((constructor)) static void begin(void)
{
    const char *to = getenv("RECORDER_TRACE"), *where = getenv("RECORDER_ROOT"), *die = getenv("RECORDER_DIE");
    if (!to || !where)
        return;
    root = where;
    root_size = strlen(root);
    die_at = die ? atol(die) : 0;
    after = yes("RECORDER_AFTER");
    beside = yes("RECORDER_BESIDE");
    trace = (int)syscall(SYS_openat, AT_FDCWD, to, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static void enter(void)
{
    pthread_mutex_lock(&mutex);
    syscall(SYS_flock, trace, LOCK_EX);
}

static void leave(void)
{
    int error = errno;
    syscall(SYS_flock, trace, LOCK_UN);
    pthread_mutex_unlock(&mutex);
    errno = error;
}

static void note(char kind, int fd, uint64_t at, const void *data, size_t size)
{
    int error = errno;
    struct record head = {(uint32_t)size, (uint32_t)getpid(), fd, (uint32_t)kind, at};
    struct iovec parts[2] = {{&head, sizeof head}, {(void *)data, size}};
    syscall(SYS_writev, trace, parts, size ? 2 : 1);
    errno = error;
}

static void die(long step)
{
    note('K', -1, (uint64_t)step, NULL, 0);
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

/* Counts a step, and gives its number; 0 for what is none. */
static long step(int kind, int syncs)
{
    int counts = beside ? syncs && kind == BESIDE : kind != NO_STEPS;
    long mine = counts ? ++steps : 0;
    if (mine && mine == die_at && !after)
        die(mine);
    return mine;
}

static void done(long mine)
{
    if (mine && mine == die_at && after)
        die(mine);
}

static int ends_with(const char *path, const char *end)
{
    size_t a = strlen(path), b = strlen(end);
    return a >= b && !strcmp(path + a - b, end);
}

static int kind_of(const char *path)
{
    if (trace < 0 || strncmp(path, root, root_size) || (path[root_size] && path[root_size] != '/'))
        return NOT_OURS;
    if (ends_with(path, "-shm"))
        return NOT_OURS;
    if (ends_with(path, ".lock") || ends_with(path, "/marks"))
        return NO_STEPS;
    return strstr(path, "/turnout.db") ? STEPS : BESIDE;
}

static int known_as(int fd)
{
    return trace >= 0 && fd >= 0 && fd < FILES ? known[fd] : NOT_OURS;
}

static int open_file(int folder, const char *path, int flags, mode_t mode)
{
    int kind = kind_of(path);
    if (!kind)
        return (int)syscall(SYS_openat, folder, path, flags, mode);
    enter();
    int fresh = (flags & O_CREAT) && syscall(SYS_faccessat, AT_FDCWD, path, F_OK);
    long mine = step(fresh || (flags & O_TRUNC) ? kind : NO_STEPS, 0);
    int fd = (int)syscall(SYS_openat, folder, path, flags, mode);
    if (fd >= 0) {
        if (fd < FILES)
            known[fd] = (unsigned char)kind;
        note('O', fd, (uint64_t)flags, path, strlen(path));
    }
    done(mine);
    leave();
    return fd;
}

static ssize_t put(int fd, const void *data, size_t size, off_t at, int placed)
{
    int kind = known_as(fd);
    if (!kind)
        return placed ? syscall(SYS_pwrite64, fd, data, size, at) : syscall(SYS_write, fd, data, size);
    enter();
    long mine = step(kind, 0);
    if (!placed) {
        int append = (int)syscall(SYS_fcntl, fd, F_GETFL) & O_APPEND;
        at = syscall(SYS_lseek, fd, 0, append ? SEEK_END : SEEK_CUR);
    }
    ssize_t put = placed ? syscall(SYS_pwrite64, fd, data, size, at) : syscall(SYS_write, fd, data, size);
    if (put > 0)
        note('W', fd, (uint64_t)at, data, (size_t)put);
    done(mine);
    leave();
    return put;
}

static int cut(int fd, off_t size)
{
    int kind = known_as(fd);
    if (!kind)
        return (int)syscall(SYS_ftruncate, fd, size);
    enter();
    long mine = step(kind, 0);
    int failed = (int)syscall(SYS_ftruncate, fd, size);
    if (!failed)
        note('T', fd, (uint64_t)size, NULL, 0);
    done(mine);
    leave();
    return failed;
}

static int sync_file(int fd, long how)
{
    int kind = known_as(fd);
    if (!kind)
        return (int)syscall(how, fd);
    enter();
    long mine = step(kind, 1);
    note('B', fd, (uint64_t)mine, NULL, 0);
    leave();
    int failed = (int)syscall(how, fd);
    enter();
    if (!failed)
        note('E', fd, (uint64_t)mine, NULL, 0);
    done(mine);
    leave();
    return failed;
}

/* What a call does to a name; `other` is the second name of a call that has two. */
static int name(char what, long call, const char *path, const char *other, long mode)
{
    int kind = kind_of(other ? other : path);
    char both[8192];
    size_t size = strlen(path);
    if (kind && size + (other ? strlen(other) : 0) + 2 > sizeof both)
        abort();
    if (kind)
        enter();
    long mine = kind ? step(kind, 0) : 0;
    int failed;
    if (call == SYS_renameat2 || call == SYS_linkat)
        failed = (int)syscall(call, AT_FDCWD, path, AT_FDCWD, other, 0);
    else
        failed = (int)syscall(call, AT_FDCWD, path, mode);
    if (!kind)
        return failed;
    memcpy(both, path, size);
    if (other) {
        both[size++] = 0;
        memcpy(both + size, other, strlen(other));
        size += strlen(other);
    }
    if (!failed)
        note(what, -1, 0, both, size);
    done(mine);
    leave();
    return failed;
}

static ssize_t sent(int fd, const void *data, size_t size, int flags)
{
    struct sockaddr_storage mine_is = {0};
    socklen_t length = sizeof mine_is;
    if (trace < 0 || getsockname(fd, (struct sockaddr *)&mine_is, &length) ||
        (mine_is.ss_family != AF_INET && mine_is.ss_family != AF_INET6))
        return syscall(SYS_sendto, fd, data, size, flags, NULL, 0);
    enter();
    long mine = step(STEPS, 0);
    ssize_t went = syscall(SYS_sendto, fd, data, size, flags, NULL, 0);
    if (went > 0)
        note('S', fd, 0, data, (size_t)went);
    done(mine);
    leave();
    return went;
}

#define MODE(flags, last) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { \
        va_list more; \
        va_start(more, last); \
        mode = va_arg(more, mode_t); \
        va_end(more); \
    }

int open(const char *path, int flags, ...) { MODE(flags, flags) return open_file(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags, flags) return open_file(AT_FDCWD, path, flags, mode); }
int openat(int folder, const char *path, int flags, ...) { MODE(flags, flags) return open_file(folder, path, flags, mode); }
int openat64(int folder, const char *path, int flags, ...) { MODE(flags, flags) return open_file(folder, path, flags, mode); }
int creat(const char *path, mode_t mode) { return open_file(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

int close(int fd)
{
    if (fd >= 0 && fd < FILES)
        known[fd] = NOT_OURS;
    return (int)syscall(SYS_close, fd);
}

ssize_t write(int fd, const void *data, size_t size) { return put(fd, data, size, 0, 0); }
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) { return put(fd, data, size, at, 1); }
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) { return put(fd, data, size, at, 1); }
int ftruncate(int fd, off_t size) { return cut(fd, size); }
int ftruncate64(int fd, off64_t size) { return cut(fd, size); }
int fsync(int fd) { return sync_file(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_file(fd, SYS_fdatasync); }
int mkdir(const char *path, mode_t mode) { return name('M', SYS_mkdirat, path, NULL, mode); }
int unlink(const char *path) { return name('U', SYS_unlinkat, path, NULL, 0); }
int rename(const char *path, const char *to) { return name('R', SYS_renameat2, path, to, 0); }
int link(const char *path, const char *to) { return name('L', SYS_linkat, path, to, 0); }
ssize_t send(int fd, const void *data, size_t size, int flags) { return sent(fd, data, size, flags); }
