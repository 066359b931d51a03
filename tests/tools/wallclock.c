/* A wall clock that a test sets, by LD_PRELOAD: CLOCK_REALTIME alone is moved, by the nanoseconds
 * that stand in the first 8 bytes of the file WALLCLOCK_FILE, in the machine's order. The file is
 * mapped: who writes it moves the clock of all processes that run on it, at once. CLOCK_MONOTONIC,
 * CLOCK_BOOTTIME and the times of files stay as they are.
 *
 * The kernel is asked by system call, not through the vdso, so that nothing has to be looked up.
 * Waits until an instant of this clock are moved back to the kernel's.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS 1000000000L
/* Later than any monotonic instant, earlier than any of the wall clock: 2001. */
#define WALL_FROM_S 1000000000L
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int64_t unmoved;
static const volatile int64_t *moved_ns = &unmoved;

__attribute__((constructor)) static void start(void) {
  const char *path = getenv("WALLCLOCK_FILE");
  if (!path) return;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) abort();
  void *page = mmap(NULL, sizeof *moved_ns, PROT_READ, MAP_SHARED, fd, 0);
  close(fd);
  if (page == MAP_FAILED) abort();
  moved_ns = page;
}

static void move(struct timespec *at, int64_t by_ns) {
  int64_t ns = at->tv_nsec + by_ns % SECOND_NS;
  at->tv_sec += by_ns / SECOND_NS;
  if (ns < 0) { ns += SECOND_NS; at->tv_sec -= 1; }
  if (ns >= SECOND_NS) { ns -= SECOND_NS; at->tv_sec += 1; }
  at->tv_nsec = ns;
}

int clock_gettime(clockid_t clock, struct timespec *at) {
  if (syscall(SYS_clock_gettime, clock, at) != 0) return -1;
  if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) move(at, *moved_ns);
  return 0;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
  struct timespec now;
  (void)zone;
  clock_gettime(CLOCK_REALTIME, &now);
  at->tv_sec = now.tv_sec;
  at->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *at) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (at) *at = now.tv_sec;
  return now.tv_sec;
}

int timespec_get(struct timespec *at, int base) {
  return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, at) == 0 ? base : 0;
}

static struct timespec of_kernel(const struct timespec *until) {
  struct timespec at = *until;
  if (at.tv_sec >= WALL_FROM_S) move(&at, -*moved_ns);
  return at;
}

int sem_timedwait(sem_t *restrict sem, const struct timespec *restrict until) {
  struct timespec at = of_kernel(until);
  return REAL(sem_timedwait)(sem, &at);
}

int pthread_mutex_timedlock(pthread_mutex_t *restrict mutex, const struct timespec *restrict until) {
  struct timespec at = of_kernel(until);
  return REAL(pthread_mutex_timedlock)(mutex, &at);
}

int pthread_cond_timedwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict until) {
  struct timespec at = of_kernel(until);
  return REAL(pthread_cond_timedwait)(cond, mutex, &at);
}
