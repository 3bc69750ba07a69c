/* What the machine can do: one file over plain HTTP, split among connections that are shared by threads, each connection
   with a slab of 1 MiB that is written with one pwrite. No checks beyond the status line, no digest.

   limit address port path bytes file [connections] [threads] */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SLAB (1 << 20)
#define MOST 64

struct lane {
  int socket;
  char *slab;
  size_t held;
  long at, end;
  int is_body;
};

struct share {
  struct lane *lanes;
  int count;
};

static int file;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void flush(struct lane *lane) {
  for (size_t done = 0; done < lane->held;) {
    ssize_t wrote = pwrite(file, lane->slab + done, lane->held - done, lane->at + done);
    if (wrote < 0) fail("pwrite");
    done += wrote;
  }
  lane->at += lane->held;
  lane->held = 0;
}

static void read_head(struct lane *lane) {
  char *end = memmem(lane->slab, lane->held, "\r\n\r\n", 4);
  if (end == NULL) return;
  if (memcmp(lane->slab, "HTTP/1.1 206", 12) != 0) fail("status");
  size_t head = end + 4 - lane->slab;
  lane->held -= head;
  memmove(lane->slab, lane->slab + head, lane->held);
  lane->is_body = 1;
}

static int receive(struct lane *lane) {
  long left = lane->end - lane->at - (long)lane->held;
  size_t room = SLAB - lane->held;
  if (lane->is_body && (long)room > left) room = left;
  ssize_t got = recv(lane->socket, lane->slab + lane->held, room, MSG_DONTWAIT);
  if (got <= 0) fail("recv");
  lane->held += got;
  if (!lane->is_body) read_head(lane);
  int is_done = lane->is_body && lane->at + (long)lane->held >= lane->end;
  if (lane->is_body && (lane->held == SLAB || is_done)) flush(lane);
  return is_done;
}

static void *run(void *given) {
  struct share *share = given;
  struct pollfd polls[MOST];
  for (int i = 0; i < share->count; i++) polls[i] = (struct pollfd){share->lanes[i].socket, POLLIN, 0};
  for (int open = share->count; open > 0;) {
    if (poll(polls, share->count, -1) < 0) fail("poll");
    for (int i = 0; i < share->count; i++) {
      if (polls[i].revents == 0 || !receive(&share->lanes[i])) continue;
      polls[i].fd = -1;
      open -= 1;
    }
  }
  return NULL;
}

static void ask(struct lane *lane, char **words) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(words[2]))};
  if (inet_pton(AF_INET, words[1], &to.sin_addr) != 1) fail("address");
  lane->socket = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(lane->socket, (struct sockaddr *)&to, sizeof to) != 0) fail("connect");
  dprintf(lane->socket, "GET %s HTTP/1.1\r\nHost: %s\r\nRange: bytes=%ld-%ld\r\n\r\n", words[3], words[1], lane->at,
          lane->end - 1);
  lane->slab = aligned_alloc(4096, SLAB);
}

int main(int count, char **words) {
  if (count < 6) return 2;
  long size = atol(words[4]);
  int connections = count > 6 ? atoi(words[6]) : 4, threads = count > 7 ? atoi(words[7]) : 2;
  if (connections > MOST || connections % threads != 0) return 2;
  file = open(words[5], O_CREAT | O_WRONLY | O_TRUNC, 0644);
  if (file < 0 || posix_fallocate(file, 0, size) != 0) fail(words[5]);
  struct lane lanes[MOST] = {0};
  for (int i = 0; i < connections; i++) {
    lanes[i].at = size / connections * i;
    lanes[i].end = i == connections - 1 ? size : size / connections * (i + 1);
    ask(&lanes[i], words);
  }
  pthread_t ids[MOST];
  struct share shares[MOST];
  for (int i = 0; i < threads; i++) {
    shares[i] = (struct share){lanes + connections / threads * i, connections / threads};
    pthread_create(&ids[i], NULL, run, &shares[i]);
  }
  for (int i = 0; i < threads; i++) pthread_join(ids[i], NULL);
  return close(file);
}
