/* A wall clock that jumps, for one process: loaded with LD_PRELOAD. CLOCK_CONTROL is a file that both sides map, of
 * one 64-bit number: the seconds that this process's clock is ahead. What never goes back, goes on as it was. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile long long *ahead;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("CLOCK_CONTROL");
  if (!path) return;
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) abort();
  void *found = mmap(NULL, 4096, PROT_READ, MAP_SHARED, file, 0);
  if (found == MAP_FAILED) abort();
  close(file);
  ahead = found;
}

int clock_gettime(clockid_t which, struct timespec *to) {
  int code = REAL(clock_gettime)(which, to);
  if (ahead && !code && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)) to->tv_sec += *ahead;
  return code;
}

int gettimeofday(struct timeval *restrict to, void *restrict zone) {
  int code = REAL(gettimeofday)(to, zone);
  if (ahead && !code) to->tv_sec += *ahead;
  return code;
}

time_t time(time_t *to) {
  time_t now = REAL(time)(NULL) + (ahead ? (time_t)*ahead : 0);
  if (to) *to = now;
  return now;
}
