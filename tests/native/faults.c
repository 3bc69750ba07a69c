/* Loaded before a program: one kind of call on files whose path holds FAULT_PATH fails from the FAULT_AFTER-th on, with
   FAULT_ERRNO; and the wall clock jumps by CLOCK_JUMP seconds once the program has run for CLOCK_AFTER_MS. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static int calls;

static int number(const char *name, int otherwise) {
  const char *text = getenv(name);
  return text == NULL ? otherwise : atoi(text);
}

/* Whether this call is the one that fails; sets errno. */
static int fails(const char *call, const char *path) {
  const char *wanted = getenv("FAULT_CALL"), *part = getenv("FAULT_PATH");
  if (wanted == NULL || part == NULL || strcmp(wanted, call) != 0 || strstr(path, part) == NULL) return 0;
  if (__sync_add_and_fetch(&calls, 1) <= number("FAULT_AFTER", 0)) return 0;
  errno = number("FAULT_ERRNO", EIO);
  return 1;
}

static int fails_at(const char *call, int fd) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return fails(call, path);
}

#define REAL(name, type) static type real; if (real == NULL) real = (type)dlsym(RTLD_NEXT, name)

typedef ssize_t (*pwrite_type)(int, const void *, size_t, off64_t);
ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
  REAL("pwrite64", pwrite_type);
  return fails_at("write", fd) ? -1 : real(fd, bytes, count, at);
}
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) { return pwrite64(fd, bytes, count, at); }

typedef ssize_t (*write_type)(int, const void *, size_t);
ssize_t write(int fd, const void *bytes, size_t count) {
  REAL("write", write_type);
  return fails_at("write", fd) ? -1 : real(fd, bytes, count);
}

typedef int (*sync_type)(int);
int fdatasync(int fd) {
  REAL("fdatasync", sync_type);
  return fails_at("sync", fd) ? -1 : real(fd);
}
int fsync(int fd) {
  REAL("fsync", sync_type);
  return fails_at("sync", fd) ? -1 : real(fd);
}

typedef ssize_t (*pread_type)(int, void *, size_t, off64_t);
ssize_t pread64(int fd, void *bytes, size_t count, off64_t at) {
  REAL("pread64", pread_type);
  return fails_at("read", fd) ? -1 : real(fd, bytes, count, at);
}
ssize_t pread(int fd, void *bytes, size_t count, off_t at) { return pread64(fd, bytes, count, at); }

typedef int (*rename_type)(const char *, const char *);
int rename(const char *from, const char *to) {
  REAL("rename", rename_type);
  return fails("rename", to) ? -1 : real(from, to);
}

typedef int (*link_type)(const char *, const char *);
int link(const char *from, const char *to) {
  REAL("link", link_type);
  return fails("link", to) ? -1 : real(from, to);
}
int symlink(const char *target, const char *path) {
  REAL("symlink", link_type);
  return fails("link", path) ? -1 : real(target, path);
}

static double jump(void) {
  static struct timespec begun;
  struct timespec now;
  static int (*real)(clockid_t, struct timespec *);
  if (real == NULL) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  real(CLOCK_MONOTONIC, &now);
  if (begun.tv_sec == 0) begun = now;
  double ms = (now.tv_sec - begun.tv_sec) * 1e3 + (now.tv_nsec - begun.tv_nsec) / 1e6;
  return ms > number("CLOCK_AFTER_MS", 0) ? number("CLOCK_JUMP", 0) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *into) {
  static int (*real)(clockid_t, struct timespec *);
  if (real == NULL) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  int done = real(clock, into);
  if (done == 0 && clock == CLOCK_REALTIME) into->tv_sec += (time_t)jump();
  return done;
}

int gettimeofday(struct timeval *restrict into, void *restrict zone) {
  static int (*real)(struct timeval *, void *);
  if (real == NULL) real = (int (*)(struct timeval *, void *))dlsym(RTLD_NEXT, "gettimeofday");
  int done = real(into, zone);
  if (done == 0) into->tv_sec += (time_t)jump();
  return done;
}
