/* Preloaded into nginx: each connection that it accepts is paced by the kernel, whatever is asked on it.
   (nginx's own limit_rate counts from each request, and gives every request a second's worth at once.)

   BENCH_PACE="port=rate[/every=slow];..." in bytes a second: each `every`-th connection on that port gets `slow`. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

/* Shared by nginx's workers: mapped before they are forked. */
static unsigned *accepted;
/* A copy, since nginx empties its environment. */
static char *paces;

__attribute__((constructor)) static void prepare(void) {
  const char *told = getenv("BENCH_PACE");
  paces = strdup(told == NULL ? "" : told);
  accepted = mmap(NULL, sizeof *accepted * 65536, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static unsigned long rate_for(unsigned port, unsigned number) {
  const char *text = paces;
  for (; text != NULL && *text != 0; text = strchr(text, ';'), text += text != NULL) {
    unsigned known = 0, every = 0;
    unsigned long rate = 0, slow = 0;
    int found = sscanf(text, "%u=%lu/%u=%lu", &known, &rate, &every, &slow);
    if (found >= 2 && known == port) return found == 4 && number % every == every / 2 ? slow : rate;
  }
  return 0;
}

int accept4(int listener, struct sockaddr *from, socklen_t *length, int flags) {
  static int (*real)(int, struct sockaddr *, socklen_t *, int);
  if (real == NULL) real = (int (*)(int, struct sockaddr *, socklen_t *, int))dlsym(RTLD_NEXT, "accept4");
  int made = real(listener, from, length, flags);
  struct sockaddr_in own;
  socklen_t size = sizeof own;
  if (made < 0 || getsockname(made, (struct sockaddr *)&own, &size) != 0) return made;
  unsigned port = ntohs(own.sin_port);
  unsigned long rate = rate_for(port, __sync_fetch_and_add(&accepted[port], 1));
  if (rate > 0) setsockopt(made, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof rate);
  return made;
}
