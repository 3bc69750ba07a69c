/* Runs one command and tells what it cost: wall time, processor time and peak memory of it and all that it waited for,
   then how long its dirty pages take to reach the disk. A launcher of its own because a child inherits the peak memory
   of the process that forked it, and Node's is large.

   measure [-n namespace] [-t seconds] [-s folder] -r result -- command [argument...] */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile pid_t child = 0;
static volatile sig_atomic_t timed_out = 0;

static double now_ms(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec * 1e3 + at.tv_nsec / 1e6;
}

static void stop(int sign) {
  if (sign == SIGALRM) timed_out = 1;
  if (child > 0) kill(-child, SIGKILL);
}

static void fail(const char *what) {
  fprintf(stderr, "measure: %s: %s\n", what, strerror(errno));
  exit(125);
}

static void enter(const char *space) {
  int fd = open(space, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || setns(fd, CLONE_NEWNET) != 0) fail(space);
  close(fd);
}

static double sync_folder(const char *folder) {
  double from = now_ms();
  int fd = open(folder, O_RDONLY);
  if (fd < 0 || syncfs(fd) != 0) fail(folder);
  close(fd);
  return now_ms() - from;
}

static double ms_of(struct timeval at) { return at.tv_sec * 1e3 + at.tv_usec / 1e3; }

int main(int count, char **words) {
  const char *space = NULL, *folder = NULL, *result = NULL;
  int seconds = 0, option;
  while ((option = getopt(count, words, "+n:t:s:r:")) != -1) {
    if (option == 'n') space = optarg;
    else if (option == 't') seconds = atoi(optarg);
    else if (option == 's') folder = optarg;
    else if (option == 'r') result = optarg;
    else return 125;
  }
  if (result == NULL || optind >= count) return 125;
  if (space != NULL) enter(space);
  struct sigaction action = {.sa_handler = stop};
  sigaction(SIGALRM, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);

  double from = now_ms();
  child = fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    setpgid(0, 0);
    execvp(words[optind], words + optind);
    fail(words[optind]);
  }
  setpgid(child, child);
  alarm(seconds);
  int status;
  struct rusage used;
  while (wait4(child, &status, 0, &used) < 0)
    if (errno != EINTR) fail("wait4");
  double wall = now_ms() - from;
  alarm(0);

  FILE *out = fopen(result, "w");
  if (out == NULL) fail(result);
  double flushed = folder == NULL ? 0 : sync_folder(folder);
  int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  fprintf(out, "{\"wallMs\":%.3f,\"cpuMs\":%.3f,\"rssBytes\":%ld,\"syncMs\":%.3f,\"exitCode\":%d,\"isTimedOut\":%s}\n", wall,
          ms_of(used.ru_utime) + ms_of(used.ru_stime), used.ru_maxrss * 1024L, flushed, code,
          timed_out ? "true" : "false");
  fclose(out);
  return 0;
}
