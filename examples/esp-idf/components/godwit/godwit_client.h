/*
 * A client of Godwit's own device protocol (docs/protocols/native.md) in C99: no allocation, no floating point, no
 * operating system. About 5 KiB of memory in one struct. It needs a handful of callbacks for HTTP, flash and a small
 * durable store; main/main.c has them for ESP-IDF, host/host_main.c for POSIX.
 *
 * For devices of one module that boot from two slots. What it does in flash stands in the durable store before it is
 * done, so that a power cut at any moment ends in the old image or in the new one.
 */
#ifndef GODWIT_CLIENT_H
#define GODWIT_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Sizes of texts with their final zero; see section 1 of the protocol's page. */
#define GODWIT_UPDATE_BYTES 65
#define GODWIT_VERSION_BYTES 65
#define GODWIT_SHA256_BYTES 65
#define GODWIT_ETAG_BYTES 48
#define GODWIT_URL_BYTES 384
#define GODWIT_SIGNATURE_BYTES 512
#define GODWIT_REASON_BYTES 96
#define GODWIT_ANSWER_BYTES 2048
#define GODWIT_BODY_BYTES 768

/* A broken download resumes at a multiple of this: the sector that flash erases at once. */
#define GODWIT_SECTOR_BYTES 4096u
/* The durable store learns of a download's progress once in so many bytes. */
#define GODWIT_SAVE_BYTES (64u * 1024u)

/* One request. The callback adds Host, "Authorization: Bearer <token>" and, with a body, "Content-Type: application/json". */
typedef struct {
  const char *method;
  const char *url;
  const char *token;
  /* Above 0: "Range: bytes=<range_from>-". */
  uint32_t range_from;
  /* Not NULL: "If-None-Match: <if_none_match>". */
  const char *if_none_match;
  /* NULL: no body. */
  const char *body;
  size_t body_length;
  /* Takes the answer's body in pieces of any size, once status and range_from of the reply are set; not 0: stop reading. */
  int (*on_body)(void *sink, const uint8_t *data, size_t length);
  void *sink;
} godwit_request;

typedef struct {
  int status;
  /* Header Retry-After, seconds; 0 = absent. */
  uint32_t retry_after;
  /* First byte of Content-Range, with status 206. */
  uint32_t range_from;
  /* Header ETag with its quotes; "" = absent or too long. */
  char etag[GODWIT_ETAG_BYTES];
} godwit_reply;

/* What is to be installed, for godwit_platform.verify. */
typedef struct {
  char id[GODWIT_UPDATE_BYTES];
  char version[GODWIT_VERSION_BYTES];
  char sha256[GODWIT_SHA256_BYTES];
  uint32_t size;
  char url[GODWIT_URL_BYTES];
  /* Base64, as uploaded; "" = none. */
  char signature[GODWIT_SIGNATURE_BYTES];
} godwit_update;

/* Callbacks answer 0 when it worked. */
typedef struct {
  void *context;
  /* 0 only when the whole answer has come. Must verify the server's certificate. Never follows a redirect. */
  int (*http)(void *context, const godwit_request *request, godwit_reply *reply);
  /* Into the spare slot. Writes follow each other; the first begins at a multiple of GODWIT_SECTOR_BYTES. Erases each
     sector that begins within the piece. */
  int (*flash_write)(void *context, uint32_t offset, const uint8_t *data, size_t length);
  int (*flash_read)(void *context, uint32_t offset, uint8_t *data, size_t length);
  /* The next start is from the spare slot, with a way back if it fails. */
  int (*flash_activate)(void *context);
  /* The running image is good: no way back any more. */
  int (*confirm)(void *context);
  /* A few hundred bytes that survive a power cut; save is durable when it returns. load: not 0 when there are none. */
  int (*load)(void *context, void *data, size_t length);
  int (*save)(void *context, const void *data, size_t length);
  uint32_t (*random)(void *context);
  /* May be NULL. Checks the signature over the spare slot; not 0: the update fails. */
  int (*verify)(void *context, const godwit_update *update);
} godwit_platform;

typedef struct {
  /* Base address of the server, without a slash at the end. */
  const char *server;
  const char *token;
  const char *module;
  /* The version that runs, as the image itself knows it. */
  const char *version;
} godwit_config;

/* What survives a power cut. */
typedef struct {
  uint32_t magic;
  uint32_t phase;
  uint32_t size;
  uint32_t written;
  uint32_t mismatches;
  char update[GODWIT_UPDATE_BYTES];
  char version[GODWIT_VERSION_BYTES];
  char sha256[GODWIT_SHA256_BYTES];
  /* The report that ends the update, until the server has it. */
  char ending[12];
  char reason[GODWIT_REASON_BYTES];
  char report[20];
} godwit_state;

typedef struct {
  godwit_config config;
  godwit_platform platform;
  /* Hints for the next check: 0 to 100, or -1 for unknown. */
  int battery;
  bool metered;

  /* The rest is the client's own. */
  godwit_state state;
  godwit_update update;
  uint32_t failures;
  uint32_t reports;
  uint32_t nonce;
  char etag[GODWIT_ETAG_BYTES];
  char url[GODWIT_URL_BYTES];
  char body[GODWIT_BODY_BYTES];
  char answer[GODWIT_ANSWER_BYTES];
  size_t answer_length;
} godwit_client;

typedef enum {
  /* Done for now: call again after the pause. */
  GODWIT_IDLE,
  /* A call failed: call again after the pause, which grows with each failure. */
  GODWIT_RETRY,
  /* The new image is in place: restart now. */
  GODWIT_RESTART
} godwit_result;

/* Prepares a client and loads what it did before. The texts of config must outlive it. */
void godwit_init(godwit_client *client, const godwit_config *config, const godwit_platform *platform);

/*
 * One round: ends what was begun, checks, and does what there is to do; a whole download may be part of it. Sets the pause
 * before the next call, seconds.
 *
 * The first round of a new image reports its success, which is its self-test (the network works), and then calls confirm.
 * Do your own tests before it; should one fail, call godwit_fail and go back to the old image.
 */
godwit_result godwit_step(godwit_client *client, uint32_t *pause_seconds);

/* The new image does not work: the old one, once it runs again, reports so with this reason. */
void godwit_fail(godwit_client *client, const char *reason);

#ifdef __cplusplus
}
#endif

#endif
