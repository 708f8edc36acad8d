/* A disk that fails, fills up or is slow, for one process: loaded with LD_PRELOAD, steered while it runs.
 *
 * FAULT_UNDER names the directory whose files it stands before, FAULT_CONTROL a file of 64-bit numbers that this
 * process and the test both map (support/faulty.py writes them):
 *
 *   0 kinds   which calls count: 1 writes, 2 syncs, 4 truncations, 8 reads
 *   1 skip    how many of them pass before the first one fails
 *   2 count   how many fail then; negative: all, until told otherwise; 0: none
 *   3 error   the errno they fail with
 *   4 torn    1: the first write that fails writes half of it, and says so
 *   5 seen    (ours) calls that counted since the test armed it
 *   6 failed  (ours) calls that failed
 *   7 sleep   microseconds that each sync takes longer
 *   8 room    bytes by which files may still grow, ENOSPC after that; negative: no bound
 *   9 size    of the disk that statvfs tells of, where room is bounded
 *  10 slept   (ours) syncs that began to take longer
 *
 * and from byte 256 on a piece that the path must hold; empty: any.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { KINDS, SKIP, COUNT, ERROR, TORN, SEEN, FAILED, SLEEP, ROOM, SIZE, SLEPT };
enum { WRITES = 1, SYNCS = 2, TRUNCATIONS = 4, READS = 8 };

static long long *control;
static const char *under;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define GET(which) __atomic_load_n(&control[which], __ATOMIC_SEQ_CST)
#define ADD(which, n) __atomic_fetch_add(&control[which], n, __ATOMIC_SEQ_CST)

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("FAULT_CONTROL");
  under = getenv("FAULT_UNDER");
  if (!path || !under) return;
  int file = open(path, O_RDWR | O_CLOEXEC);
  if (file < 0) abort();
  void *found = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (found == MAP_FAILED) abort();
  close(file);
  control = found;
}

/* Whether a descriptor is of a file that this disk holds; the others are never touched. */
static int ours(int fd, char *path) {
  if (!control) return 0;
  char link[40];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  int kept = errno;
  ssize_t length = readlink(link, path, 4095);
  errno = kept;
  if (length <= 0) return 0;
  path[length] = 0;
  return strstr(path, under) != NULL;
}

/* Whether this call fails; -1: it is torn. */
static int fails(int fd, int kind) {
  char path[4096];
  if (!ours(fd, path)) return 0;
  if (!(GET(KINDS) & kind) || !strstr(path, (const char *)control + 256)) return 0;
  long long at = ADD(SEEN, 1) - GET(SKIP), count = GET(COUNT);
  if (at < 0 || (count >= 0 && at >= count)) return 0;
  ADD(FAILED, 1);
  errno = (int)GET(ERROR);
  return kind == WRITES && GET(TORN) && at == 0 ? -1 : 1;
}

/* How many of these bytes there is room for. */
static ssize_t fits(int fd, size_t size, off_t at) {
  char path[4096];
  struct stat found;
  if (!control || GET(ROOM) < 0 || !ours(fd, path) || fstat(fd, &found)) return (ssize_t)size;
  long long grows = (long long)at + (long long)size - (long long)found.st_size;
  if (grows <= 0) return (ssize_t)size;
  long long left = ADD(ROOM, -grows);
  if (left >= grows) return (ssize_t)size;
  ADD(ROOM, grows);
  ADD(FAILED, 1);
  return -1;
}

static ssize_t put(int fd, const void *from, size_t size, off_t at, int seeks) {
  ssize_t (*there)(int, const void *, size_t, off_t) = REAL(pwrite);
  ssize_t (*here)(int, const void *, size_t) = REAL(write);
  int how = control ? fails(fd, WRITES) : 0;
  if (how > 0) return -1;
  if (how < 0) size = size > 1 ? size / 2 : size;
  if (control && GET(ROOM) >= 0 && fits(fd, size, seeks ? lseek(fd, 0, SEEK_CUR) : at) < 0) {
    errno = ENOSPC;
    return -1;
  }
  return seeks ? here(fd, from, size) : there(fd, from, size, at);
}

ssize_t write(int fd, const void *from, size_t size) { return put(fd, from, size, 0, 1); }
ssize_t pwrite(int fd, const void *from, size_t size, off_t at) { return put(fd, from, size, at, 0); }
ssize_t pwrite64(int fd, const void *from, size_t size, off64_t at) { return put(fd, from, size, (off_t)at, 0); }

ssize_t pread(int fd, void *to, size_t size, off_t at) {
  return control && fails(fd, READS) ? -1 : REAL(pread)(fd, to, size, at);
}
ssize_t pread64(int fd, void *to, size_t size, off64_t at) {
  return control && fails(fd, READS) ? -1 : REAL(pread64)(fd, to, size, at);
}

static int slow(int fd) {
  char path[4096];
  if (!control) return 0;
  long long longer = GET(SLEEP);
  if (longer > 0 && ours(fd, path)) {
    ADD(SLEPT, 1);
    usleep((useconds_t)longer);
  }
  return fails(fd, SYNCS);
}

int fsync(int fd) { return slow(fd) ? -1 : REAL(fsync)(fd); }
int fdatasync(int fd) { return slow(fd) ? -1 : REAL(fdatasync)(fd); }

static int cut(int fd, off_t size) {
  if (control && fails(fd, TRUNCATIONS)) return -1;
  struct stat found;
  if (control && GET(ROOM) >= 0 && !fstat(fd, &found) && size > found.st_size && fits(fd, 0, size) < 0) {
    errno = ENOSPC;
    return -1;
  }
  return REAL(ftruncate)(fd, size);
}

int ftruncate(int fd, off_t size) { return cut(fd, size); }
int ftruncate64(int fd, off64_t size) { return cut(fd, (off_t)size); }

static void tell(const char *path, struct statvfs *found) {
  if (!control || GET(ROOM) < 0 || !strstr(path, under)) return;
  found->f_frsize = found->f_bsize = 1024;
  found->f_blocks = (fsblkcnt_t)(GET(SIZE) / 1024);
  found->f_bfree = found->f_bavail = (fsblkcnt_t)(GET(ROOM) / 1024);
}

int statvfs(const char *path, struct statvfs *found) {
  int code = REAL(statvfs)(path, found);
  if (!code) tell(path, found);
  return code;
}
int statvfs64(const char *path, struct statvfs64 *found) {
  int code = REAL(statvfs64)(path, found);
  if (!code) tell(path, (struct statvfs *)found); /* the same on 64 bits */
  return code;
}
