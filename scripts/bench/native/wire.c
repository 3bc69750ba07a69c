/* A long wire between this network namespace and another: packets come out after a delay, at most at a rate, and some are
   lost. What netem does, for kernels that lack it; TCP on both ends is the kernel's own.

   wire namespace device-here device-there delay-ms loss-percent bytes-per-second */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define PACKET 2048
#define SLOTS 16384
/* A router's buffer: what does not fit into a tenth of a second of the link is lost. */
#define QUEUE_NS 100000000L

struct way {
  int from, to;
  long loss, first, last, free_at;
  long due[SLOTS];
  int length[SLOTS];
  char bytes[SLOTS][PACKET];
};

static struct way down, up;
static long delay_ns;
static double ns_a_byte;
static uint64_t dice = 88172645463325252ULL;

static void fail(const char *what) {
  fprintf(stderr, "wire: %s: %s\n", what, strerror(errno));
  exit(1);
}

static long now_ns(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec * 1000000000L + at.tv_nsec;
}

static long roll(void) {
  dice ^= dice << 13;
  dice ^= dice >> 7;
  dice ^= dice << 17;
  return dice % 1000000;
}

static int open_tun(const char *name) {
  struct ifreq asked = {.ifr_flags = IFF_TUN | IFF_NO_PI};
  int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
  strncpy(asked.ifr_name, name, IFNAMSIZ - 1);
  if (fd < 0 || ioctl(fd, TUNSETIFF, &asked) != 0) fail(name);
  return fd;
}

static void take(struct way *way, long now) {
  while (way->last - way->first < SLOTS) {
    int slot = way->last % SLOTS;
    int length = read(way->from, way->bytes[slot], PACKET);
    if (length <= 0) return;
    long start = way->free_at > now ? way->free_at : now;
    if (roll() < way->loss || start - now > QUEUE_NS) continue;
    way->free_at = start + (long)(length * ns_a_byte);
    way->length[slot] = length;
    way->due[slot] = way->free_at + delay_ns;
    way->last++;
  }
}

static void give(struct way *way, long now) {
  for (; way->first < way->last && way->due[way->first % SLOTS] <= now; way->first++) {
    int slot = way->first % SLOTS;
    if (write(way->to, way->bytes[slot], way->length[slot]) < 0 && errno != EIO) return;
  }
}

static long next_due(const struct way *way) { return way->first < way->last ? way->due[way->first % SLOTS] : 1L << 62; }

int main(int count, char **words) {
  if (count != 7) return 2;
  delay_ns = (long)(atof(words[4]) * 1e6);
  ns_a_byte = 1e9 / atof(words[6]);
  int here = open_tun(words[2]), space = open(words[1], O_RDONLY);
  if (space < 0 || setns(space, CLONE_NEWNET) != 0) fail(words[1]);
  int there = open_tun(words[3]);
  down.from = up.to = here;
  down.to = up.from = there;
  down.loss = (long)(atof(words[5]) * 1e4);
  puts("ready");
  fflush(stdout);
  for (;;) {
    long now = now_ns();
    take(&down, now);
    take(&up, now);
    give(&down, now);
    give(&up, now);
    long due = next_due(&down) < next_due(&up) ? next_due(&down) : next_due(&up);
    long wait = due - now_ns();
    struct timespec patience = {wait > 0 ? wait / 1000000000L : 0, wait > 0 ? wait % 1000000000L : 0};
    struct pollfd polls[2] = {{here, POLLIN, 0}, {there, POLLIN, 0}};
    ppoll(polls, 2, due < 1L << 61 ? &patience : NULL, NULL);
  }
}
