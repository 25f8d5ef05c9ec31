/*
 * The client on a POSIX host, with files for flash: to try it without a board, and to test it.
 *
 *   cc -std=c99 -D_POSIX_C_SOURCE=200809L -I components/godwit host/host_main.c components/godwit/[a-z_0-9]*.c -o host_client
 *   ./host_client http://127.0.0.1:8080 TOKEN main FOLDER [ROUNDS]
 *
 * FOLDER holds `version` (what runs), `spare` and `state`. Prints what each round came to. Exit code 0: nothing more to
 * do; 10: restart now; 11: a call failed. Environment: DIE_AT=n ends the process in the middle of its nth write to disk, as
 * a power cut would; VERIFY=bad refuses every signature.
 */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "godwit_client.h"

#define HEAD_BYTES 8192

typedef struct {
  const char *folder;
  long writes;
  long die_at;
} machine;

static void path_of(const machine *self, const char *name, char path[1024]) {
  snprintf(path, 1024, "%s/%s", self->folder, name);
}

/* Half of a write, then no power. */
static size_t before_the_cut(machine *self, size_t length) {
  self->writes++;
  return self->writes == self->die_at ? length / 2 : length;
}

static void maybe_die(const machine *self) {
  if (self->writes == self->die_at) _exit(9);
}

/* ---- HTTP ---- */

typedef struct {
  char name[256];
  char port[8];
  const char *path;
} target;

static int parse_url(const char *url, target *to) {
  const char *name;
  size_t length;
  if (strncmp(url, "http://", 7) != 0) return -1;
  name = url + 7;
  length = strcspn(name, ":/");
  if (length >= sizeof to->name) return -1;
  memcpy(to->name, name, length);
  to->name[length] = '\0';
  snprintf(to->port, sizeof to->port, "80");
  if (name[length] == ':') {
    size_t digits = strspn(name + length + 1, "0123456789");
    snprintf(to->port, sizeof to->port, "%.*s", (int)digits, name + length + 1);
    length += 1 + digits;
  }
  to->path = name[length] == '\0' ? "/" : name + length;
  return 0;
}

static int open_socket(const target *to) {
  struct addrinfo hints;
  struct addrinfo *found = NULL;
  struct addrinfo *one;
  struct timeval limit = {30, 0};
  int at = -1;
  memset(&hints, 0, sizeof hints);
  hints.ai_socktype = SOCK_STREAM;
  if (getaddrinfo(to->name, to->port, &hints, &found) != 0) return -1;
  for (one = found; one != NULL && at < 0; one = one->ai_next) {
    at = socket(one->ai_family, one->ai_socktype, one->ai_protocol);
    if (at < 0) continue;
    setsockopt(at, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (connect(at, one->ai_addr, one->ai_addrlen) != 0) {
      close(at);
      at = -1;
    }
  }
  freeaddrinfo(found);
  return at;
}

static int send_all(int at, const char *data, size_t length) {
  while (length > 0) {
    ssize_t sent = send(at, data, length, MSG_NOSIGNAL);
    if (sent <= 0) return -1;
    data += sent;
    length -= (size_t)sent;
  }
  return 0;
}

static int send_request(int at, const target *to, const godwit_request *request) {
  char head[2048];
  int length = snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: %s:%s\r\nAuthorization: Bearer %s\r\nConnection: close\r\n",
                        request->method, to->path, to->name, to->port, request->token);
  if (length < 0 || (size_t)length >= sizeof head || send_all(at, head, (size_t)length) != 0) return -1;
  if (request->range_from > 0) {
    length = snprintf(head, sizeof head, "Range: bytes=%lu-\r\n", (unsigned long)request->range_from);
    if (send_all(at, head, (size_t)length) != 0) return -1;
  }
  if (request->if_none_match != NULL) {
    length = snprintf(head, sizeof head, "If-None-Match: %s\r\n", request->if_none_match);
    if (send_all(at, head, (size_t)length) != 0) return -1;
  }
  if (request->body != NULL) {
    length = snprintf(head, sizeof head, "Content-Type: application/json\r\nContent-Length: %lu\r\n",
                      (unsigned long)request->body_length);
    if (send_all(at, head, (size_t)length) != 0) return -1;
  }
  if (send_all(at, "\r\n", 2) != 0) return -1;
  return request->body == NULL ? 0 : send_all(at, request->body, request->body_length);
}

static void read_header(char *line, godwit_reply *reply, long long *length) {
  char *value = strchr(line, ':');
  if (value == NULL) return;
  *value++ = '\0';
  value += strspn(value, " \t");
  if (strcasecmp(line, "content-length") == 0) *length = atoll(value);
  if (strcasecmp(line, "retry-after") == 0) reply->retry_after = (uint32_t)strtoul(value, NULL, 10);
  if (strcasecmp(line, "content-range") == 0 && strncmp(value, "bytes ", 6) == 0)
    reply->range_from = (uint32_t)strtoul(value + 6, NULL, 10);
  if (strcasecmp(line, "etag") == 0 && strlen(value) < sizeof reply->etag) strcpy(reply->etag, value);
}

/* Reads the head; what came of the body already is moved to the front. Its length, or -1. */
static long read_head(int at, char *buffer, godwit_reply *reply, long long *body_length) {
  size_t have = 0;
  char *end = NULL;
  char *line;
  while (end == NULL) {
    ssize_t got = have + 1 < HEAD_BYTES ? recv(at, buffer + have, HEAD_BYTES - 1 - have, 0) : 0;
    if (got <= 0) return -1;
    have += (size_t)got;
    buffer[have] = '\0';
    end = strstr(buffer, "\r\n\r\n");
  }
  *end = '\0';
  if (strncmp(buffer, "HTTP/1.1 ", 9) != 0) return -1;
  reply->status = atoi(buffer + 9);
  for (line = strstr(buffer, "\r\n"); line != NULL;) {
    char *next;
    line += 2;
    next = strstr(line, "\r\n");
    if (next != NULL) *next = '\0';
    read_header(line, reply, body_length);
    line = next;
  }
  have -= (size_t)(end + 4 - buffer);
  memmove(buffer, end + 4, have);
  return (long)have;
}

static int read_answer(int at, const godwit_request *request, godwit_reply *reply) {
  static char buffer[HEAD_BYTES];
  long long left = -1;
  long have = read_head(at, buffer, reply, &left);
  if (have < 0) return -1;
  if (reply->status == 304 || reply->status == 204) return 0;
  if (left < 0) return -1;
  for (;;) {
    if (have > left) return -1;
    if (have > 0 && request->on_body(request->sink, (const uint8_t *)buffer, (size_t)have) != 0) return -1;
    left -= have;
    if (left == 0) return 0;
    have = (long)recv(at, buffer, left < HEAD_BYTES ? (size_t)left : HEAD_BYTES, 0);
    if (have <= 0) return -1;
  }
}

static int http(void *context, const godwit_request *request, godwit_reply *reply) {
  target to;
  int at;
  int result;
  (void)context;
  if (parse_url(request->url, &to) != 0) return -1;
  at = open_socket(&to);
  if (at < 0) return -1;
  result = send_request(at, &to, request) == 0 ? read_answer(at, request, reply) : -1;
  close(at);
  return result;
}

/* ---- flash and store ---- */

static int flash_write(void *context, uint32_t offset, const uint8_t *data, size_t length) {
  machine *self = context;
  char path[1024];
  FILE *file;
  size_t part = before_the_cut(self, length);
  int result;
  path_of(self, "spare", path);
  file = fopen(path, offset == 0 ? "wb" : "r+b");
  if (file == NULL) return -1;
  result = fseek(file, (long)offset, SEEK_SET) == 0 && fwrite(data, 1, part, file) == part ? 0 : -1;
  if (fclose(file) != 0) result = -1;
  maybe_die(self);
  return result;
}

static int flash_read(void *context, uint32_t offset, uint8_t *data, size_t length) {
  const machine *self = context;
  char path[1024];
  FILE *file;
  int result;
  path_of(self, "spare", path);
  file = fopen(path, "rb");
  if (file == NULL) return -1;
  result = fseek(file, (long)offset, SEEK_SET) == 0 && fread(data, 1, length, file) == length ? 0 : -1;
  fclose(file);
  return result;
}

static int put(machine *self, const char *name, const void *data, size_t length) {
  char path[1024];
  char next[1024];
  FILE *file;
  size_t part = before_the_cut(self, length);
  int result;
  path_of(self, name, path);
  path_of(self, "next", next);
  file = fopen(next, "wb");
  if (file == NULL) return -1;
  result = fwrite(data, 1, part, file) == part ? 0 : -1;
  if (fclose(file) != 0) result = -1;
  maybe_die(self);
  return result == 0 ? rename(next, path) : result;
}

static int flash_activate(void *context) {
  return put(context, "activated", "yes\n", 4);
}

static int confirm(void *context) {
  return put(context, "confirmed", "yes\n", 4);
}

static int save(void *context, const void *data, size_t length) {
  return put(context, "state", data, length);
}

static int load(void *context, void *data, size_t length) {
  char path[1024];
  FILE *file;
  size_t got;
  path_of(context, "state", path);
  file = fopen(path, "rb");
  if (file == NULL) return -1;
  got = fread(data, 1, length, file);
  fclose(file);
  return got == length ? 0 : -1;
}

static uint32_t number(void *context) {
  uint32_t value = 0;
  FILE *file = fopen("/dev/urandom", "rb");
  (void)context;
  if (file == NULL || fread(&value, sizeof value, 1, file) != 1) value = (uint32_t)getpid();
  if (file != NULL) fclose(file);
  return value;
}

static int refuse(void *context, const godwit_update *update) {
  (void)context;
  (void)update;
  return -1;
}

static int read_version(const machine *self, char version[GODWIT_VERSION_BYTES]) {
  char path[1024];
  FILE *file;
  char *text;
  path_of(self, "version", path);
  file = fopen(path, "rb");
  if (file == NULL) return -1;
  text = fgets(version, GODWIT_VERSION_BYTES, file);
  fclose(file);
  if (text == NULL) return -1;
  version[strcspn(version, "\r\n")] = '\0';
  return 0;
}

int main(int count, char **arguments) {
  static const char *const NAMES[] = {"idle", "retry", "restart"};
  static godwit_client client;
  static char version[GODWIT_VERSION_BYTES];
  const char *die_at = getenv("DIE_AT");
  machine self = {NULL, 0, 0};
  godwit_config config = {NULL, NULL, NULL, version};
  godwit_platform platform = {NULL, http, flash_write, flash_read, flash_activate, confirm, load, save, number, NULL};
  godwit_result result = GODWIT_IDLE;
  uint32_t pause = 1;
  long rounds;
  if (count < 5) {
    fprintf(stderr, "host_client SERVER TOKEN MODULE FOLDER [ROUNDS]\n");
    return 2;
  }
  config.server = arguments[1];
  config.token = arguments[2];
  config.module = arguments[3];
  self.folder = arguments[4];
  self.die_at = die_at == NULL ? 0 : atol(die_at);
  platform.context = &self;
  if (getenv("VERIFY") != NULL) platform.verify = refuse;
  if (read_version(&self, version) != 0) {
    fprintf(stderr, "%s/version: %s\n", self.folder, strerror(errno));
    return 2;
  }
  godwit_init(&client, &config, &platform);
  for (rounds = count > 5 ? atol(arguments[5]) : 1; rounds > 0; rounds--) {
    result = godwit_step(&client, &pause);
    printf("%s %lu\n", NAMES[result], (unsigned long)pause);
    if (result == GODWIT_RESTART) return 10;
  }
  return result == GODWIT_IDLE ? 0 : 11;
}
