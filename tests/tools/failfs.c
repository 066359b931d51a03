/* A failing disk, by LD_PRELOAD. It touches only files under FAILFS_PREFIX (an absolute folder).
 *
 *   FAILFS_DROP_SYNC=1   fsync, fdatasync, sync_file_range, syncfs, msync and sync do nothing and say 0
 *   FAILFS_FAIL_AT=N     the Nth of write, writev, pwrite, pwritev, fsync, fdatasync, rename fails
 *   FAILFS_STAY=1        so does every one after it
 *   FAILFS_ERRNO=E       with this errno (default EIO)
 *   FAILFS_COUNT=FILE    where the count stands, shared by all processes: 8 bytes of count in the
 *                        machine's order, then the call that failed as text
 *
 * They are read when the process starts, and again where it calls failfs_start() after a fork.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

struct shared { uint64_t count; char failed[4088]; };

static struct shared *shared;
static char prefix[PATH_MAX];
static size_t prefix_length;
static uint64_t fail_at;
static int fail_errno = EIO, stay, drop_sync;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) void failfs_start(void) {
  const char *text = getenv("FAILFS_PREFIX");
  prefix_length = 0;
  shared = NULL;
  drop_sync = stay = 0;
  fail_at = 0;
  fail_errno = EIO;
  if (!text || !realpath(text, prefix)) return;
  prefix_length = strlen(prefix);
  if ((text = getenv("FAILFS_DROP_SYNC"))) drop_sync = atoi(text);
  if ((text = getenv("FAILFS_FAIL_AT"))) fail_at = strtoull(text, NULL, 10);
  if ((text = getenv("FAILFS_STAY"))) stay = atoi(text);
  if ((text = getenv("FAILFS_ERRNO"))) fail_errno = atoi(text);
  if (!(text = getenv("FAILFS_COUNT"))) return;
  int fd = open(text, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0 || ftruncate(fd, sizeof *shared) != 0) abort();
  void *page = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (page == MAP_FAILED) abort();
  shared = page;
}

static int under(const char *path) {
  return prefix_length && strncmp(path, prefix, prefix_length) == 0
      && (path[prefix_length] == '/' || path[prefix_length] == 0);
}

/* The path of an open file, or NULL where it is not under the prefix. */
static const char *ours(int fd, char *path) {
  char link[64];
  int kept = errno;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = prefix_length ? readlink(link, path, PATH_MAX - 1) : -1;
  errno = kept;
  if (length < 0) return NULL;
  path[length] = 0;
  return under(path) ? path : NULL;
}

/* The path of (folder, name) as far as it can be told without touching the file itself. */
static const char *named(int folder, const char *name, char *path) {
  char parent[PATH_MAX], real[PATH_MAX];
  if (name[0] == '/') {
    snprintf(parent, sizeof parent, "%s", name);
  } else if (folder == AT_FDCWD) {
    if (!getcwd(real, sizeof real)) return NULL;
    if (snprintf(parent, sizeof parent, "%s/%s", real, name) >= PATH_MAX) return NULL;
  } else {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
    ssize_t length = readlink(link, real, sizeof real - 1);
    if (length < 0) return NULL;
    real[length] = 0;
    if (snprintf(parent, sizeof parent, "%s/%s", real, name) >= PATH_MAX) return NULL;
  }
  char *slash = strrchr(parent, '/');
  *slash = 0;
  if (!realpath(*parent ? parent : "/", real)) return NULL;
  if (snprintf(path, PATH_MAX, "%s/%s", real, slash + 1) >= PATH_MAX) return NULL;
  return under(path) ? path : NULL;
}

/* Count this call; true when it is the one that must fail. */
static int fails(const char *call, const char *path) {
  if (!path || !shared) return 0;
  uint64_t n = __atomic_add_fetch(&shared->count, 1, __ATOMIC_SEQ_CST);
  if (!fail_at || n < fail_at || (n > fail_at && !stay)) return 0;
  if (n == fail_at) snprintf(shared->failed, sizeof shared->failed, "%s %s", call, path);
  errno = fail_errno;
  return 1;
}

#define ON_FD(name, fd) \
  do { char path[PATH_MAX]; if (fails(name, ours(fd, path))) return -1; } while (0)

ssize_t write(int fd, const void *data, size_t size) {
  ON_FD("write", fd);
  return REAL(write)(fd, data, size);
}
ssize_t writev(int fd, const struct iovec *data, int n) {
  ON_FD("writev", fd);
  return REAL(writev)(fd, data, n);
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
  ON_FD("pwrite", fd);
  return REAL(pwrite)(fd, data, size, at);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
  ON_FD("pwrite", fd);
  return REAL(pwrite64)(fd, data, size, at);
}
ssize_t pwritev(int fd, const struct iovec *data, int n, off_t at) {
  ON_FD("pwritev", fd);
  return REAL(pwritev)(fd, data, n, at);
}
ssize_t pwritev64(int fd, const struct iovec *data, int n, off64_t at) {
  ON_FD("pwritev", fd);
  return REAL(pwritev64)(fd, data, n, at);
}

static int sync_call(const char *call, int fd, int (*real)(int)) {
  char path[PATH_MAX];
  const char *at = ours(fd, path);
  if (fails(call, at)) return -1;
  return at && drop_sync ? 0 : real(fd);
}
int fsync(int fd) { return sync_call("fsync", fd, REAL(fsync)); }
int fdatasync(int fd) { return sync_call("fdatasync", fd, REAL(fdatasync)); }

int syncfs(int fd) {
  char path[PATH_MAX];
  return drop_sync && ours(fd, path) ? 0 : REAL(syncfs)(fd);
}
int sync_file_range(int fd, off64_t at, off64_t size, unsigned flags) {
  char path[PATH_MAX];
  return drop_sync && ours(fd, path) ? 0 : REAL(sync_file_range)(fd, at, size, flags);
}
int msync(void *at, size_t size, int flags) {
  return drop_sync && prefix_length ? 0 : REAL(msync)(at, size, flags);
}
void sync(void) {
  if (!drop_sync || !prefix_length) REAL(sync)();
}

static int renames(int from_folder, const char *from, int to_folder, const char *to) {
  char path[PATH_MAX];
  const char *at = named(to_folder, to, path);
  return fails("rename", at ? at : named(from_folder, from, path));
}
int rename(const char *from, const char *to) {
  if (renames(AT_FDCWD, from, AT_FDCWD, to)) return -1;
  return REAL(rename)(from, to);
}
int renameat(int from_folder, const char *from, int to_folder, const char *to) {
  if (renames(from_folder, from, to_folder, to)) return -1;
  return REAL(renameat)(from_folder, from, to_folder, to);
}
int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags) {
  if (renames(from_folder, from, to_folder, to)) return -1;
  return REAL(renameat2)(from_folder, from, to_folder, to, flags);
}
