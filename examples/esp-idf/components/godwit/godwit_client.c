#include "godwit_client.h"

#include <stdio.h>
#include <string.h>

#include "godwit_json.h"
#include "godwit_sha256.h"

/* "gdw1": another layout of godwit_state takes another number, and what was stored counts as nothing. */
#define MAGIC 0x67647731u

enum {
  PHASE_NONE,
  /* Bytes come into the spare slot. */
  PHASE_FETCHING,
  /* The next start is from the spare slot, or was. */
  PHASE_ACTIVATED,
  /* It is over; the server must be told. */
  PHASE_ENDING
};

#define USUAL_PAUSE 300u
#define FIRST_PAUSE 5u
#define LONGEST_PAUSE 3600u

/* ---- texts ---- */

static void copy_text(char *to, size_t size, const char *from) {
  snprintf(to, size, "%s", from);
}

/* Adds formatted text to a body; false once it is full. */
#define ADD(client, ...) add(client, snprintf(rest(client), room(client), __VA_ARGS__))

static char *rest(godwit_client *client) {
  return client->body + strlen(client->body);
}

static size_t room(const godwit_client *client) {
  return sizeof client->body - strlen(client->body);
}

static bool add(const godwit_client *client, int length) {
  return length >= 0 && strlen(client->body) + 1 < sizeof client->body;
}

/* A JSON text; what JSON would have to escape becomes a blank. */
static void add_text(godwit_client *client, const char *text) {
  char *at = rest(client);
  size_t left = room(client);
  if (left < 3) return;
  *at++ = '"';
  for (left -= 3; *text != '\0' && left > 0; text++, left--)
    *at++ = *text < 0x20 || *text == '"' || *text == '\\' || *text == 0x7f ? ' ' : *text;
  *at++ = '"';
  *at = '\0';
}

/* ---- the durable store ---- */

static bool save(godwit_client *client) {
  client->state.magic = MAGIC;
  return client->platform.save(client->platform.context, &client->state, sizeof client->state) == 0;
}

static bool forget(godwit_client *client) {
  memset(&client->state, 0, sizeof client->state);
  return save(client);
}

/* An id that this device has never used: a number of this start, and one that counts. */
static void new_report_id(godwit_client *client, char id[20]) {
  client->reports++;
  snprintf(id, 20, "%08lx-%lu", (unsigned long)(client->nonce & 0xffffffffu), (unsigned long)(client->reports % 1000000u));
}

static void begin_ending(godwit_client *client, const char *ending, const char *reason) {
  client->state.phase = PHASE_ENDING;
  copy_text(client->state.ending, sizeof client->state.ending, ending);
  copy_text(client->state.reason, sizeof client->state.reason, reason);
  new_report_id(client, client->state.report);
  save(client);
}

/* ---- calls ---- */

static int collect(void *sink, const uint8_t *data, size_t length) {
  godwit_client *client = sink;
  if (length >= sizeof client->answer - client->answer_length) return 1;
  memcpy(client->answer + client->answer_length, data, length);
  client->answer_length += length;
  return 0;
}

/* Sends client->body; the answer's body is in client->answer afterwards. False when no whole answer came. */
static bool post(godwit_client *client, const char *path, const char *tag, godwit_reply *reply) {
  godwit_request request;
  int length = snprintf(client->url, sizeof client->url, "%s%s", client->config.server, path);
  memset(&request, 0, sizeof request);
  memset(reply, 0, sizeof *reply);
  client->answer_length = 0;
  if (length < 0 || (size_t)length >= sizeof client->url) return false;
  request.method = "POST";
  request.url = client->url;
  request.token = client->config.token;
  request.if_none_match = tag;
  request.body = client->body;
  request.body_length = strlen(client->body);
  request.on_body = collect;
  request.sink = client;
  return client->platform.http(client->platform.context, &request, reply) == 0;
}

static void add_running(godwit_client *client) {
  ADD(client, "\"running\":{");
  add_text(client, client->config.module);
  ADD(client, ":");
  add_text(client, client->config.version);
  ADD(client, "}");
}

/* Reports one state of the update; the server's own is in `state` afterwards, "" when it does not say. */
static bool report(godwit_client *client, const char *id, const char *state, const char *reason, char server_state[16],
                   godwit_reply *reply) {
  godwit_json answer;
  godwit_json value;
  client->body[0] = '\0';
  ADD(client, "{\"reports\":[{\"id\":\"%s\",\"update\":\"%s\",\"state\":\"%s\",", id, client->state.update, state);
  if (reason[0] != '\0') {
    ADD(client, "\"reason\":");
    add_text(client, reason);
    ADD(client, ",");
  }
  add_running(client);
  server_state[0] = '\0';
  if (!ADD(client, "}]}")) return false;
  if (!post(client, "/device/v1/reports", NULL, reply) || reply->status != 200) return false;
  if (godwit_json_parse(client->answer, client->answer_length, &answer) &&
      godwit_json_member(answer, "results", &value) && godwit_json_element(value, 0, &answer) &&
      godwit_json_member(answer, "state", &value))
    godwit_json_text(value, server_state, 16);
  return true;
}

/* ---- pauses ---- */

static godwit_result retry(godwit_client *client, const godwit_reply *reply, uint32_t *pause) {
  uint32_t seconds = client->failures > 9 ? LONGEST_PAUSE : FIRST_PAUSE << client->failures;
  uint32_t share = 50 + client->platform.random(client->platform.context) % 101;
  client->failures++;
  if (seconds > LONGEST_PAUSE) seconds = LONGEST_PAUSE;
  seconds = seconds * share / 100;
  if (reply->retry_after > seconds) seconds = reply->retry_after;
  *pause = seconds < 1 ? 1 : seconds;
  return GODWIT_RETRY;
}

/* ---- what a check is answered ---- */

typedef enum { ANSWER_BAD, ANSWER_NONE, ANSWER_CANCEL, ANSWER_UPDATE, ANSWER_STRANGE } answer_kind;

static bool is_hex(const char *text) {
  return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

static bool read_module(godwit_client *client, godwit_json module) {
  godwit_update *update = &client->update;
  godwit_json value;
  if (!godwit_json_member(module, "version", &value) ||
      !godwit_json_text(value, update->version, sizeof update->version))
    return false;
  if (!godwit_json_member(module, "size", &value) || !godwit_json_number(value, &update->size)) return false;
  if (!godwit_json_member(module, "sha256", &value) || !godwit_json_text(value, update->sha256, sizeof update->sha256) ||
      !is_hex(update->sha256))
    return false;
  if (!godwit_json_member(module, "url", &value) || !godwit_json_text(value, update->url, sizeof update->url))
    return false;
  update->signature[0] = '\0';
  if (godwit_json_member(module, "signature", &value))
    return godwit_json_text(value, update->signature, sizeof update->signature);
  return true;
}

/* ANSWER_STRANGE: an update that is not for this module alone. */
static answer_kind read_update(godwit_client *client, godwit_json update) {
  godwit_json modules;
  godwit_json module;
  godwit_json value;
  char name[GODWIT_VERSION_BYTES];
  if (!godwit_json_member(update, "modules", &modules) || !godwit_json_element(modules, 0, &module)) return ANSWER_BAD;
  if (!godwit_json_member(module, "module", &value) || !godwit_json_text(value, name, sizeof name)) return ANSWER_BAD;
  if (strcmp(name, client->config.module) != 0 || godwit_json_element(modules, 1, &value)) return ANSWER_STRANGE;
  return read_module(client, module) ? ANSWER_UPDATE : ANSWER_BAD;
}

static answer_kind read_answer(godwit_client *client, uint32_t *pause) {
  godwit_json answer;
  godwit_json value;
  godwit_json update;
  char action[16];
  *pause = USUAL_PAUSE;
  if (!godwit_json_parse(client->answer, client->answer_length, &answer)) return ANSWER_BAD;
  if (!godwit_json_member(answer, "action", &value)) return ANSWER_BAD;
  if (godwit_json_member(answer, "retryAfter", &update) && godwit_json_number(update, pause) && *pause == 0) *pause = 1;
  /* An action that nobody knows is none. */
  if (!godwit_json_text(value, action, sizeof action)) return ANSWER_NONE;
  if (strcmp(action, "update") != 0 && strcmp(action, "cancel") != 0) return ANSWER_NONE;
  if (!godwit_json_member(answer, "update", &update) || !godwit_json_member(update, "id", &value) ||
      !godwit_json_text(value, client->update.id, sizeof client->update.id) || strpbrk(client->update.id, "\"\\") != NULL)
    return ANSWER_BAD;
  return strcmp(action, "cancel") == 0 ? ANSWER_CANCEL : read_update(client, update);
}

static bool check(godwit_client *client, godwit_reply *reply) {
  client->body[0] = '\0';
  ADD(client, "{");
  add_running(client);
  if (client->battery >= 0) ADD(client, ",\"battery\":%d", client->battery);
  if (client->metered) ADD(client, ",\"metered\":true");
  if (!ADD(client, "}")) return false;
  return post(client, "/device/v1/check", client->etag[0] == '\0' ? NULL : client->etag, reply);
}

/* ---- the download ---- */

typedef struct {
  godwit_client *client;
  const godwit_reply *reply;
  uint32_t asked;
  bool has_begun;
  bool is_flash_bad;
} fetching;

static int into_flash(void *sink, const uint8_t *data, size_t length) {
  fetching *fetch = sink;
  godwit_client *client = fetch->client;
  godwit_state *state = &client->state;
  if (!fetch->has_begun) {
    if (fetch->reply->status == 200) state->written = 0;
    else if (fetch->reply->status != 206 || fetch->reply->range_from != fetch->asked) return 1;
    fetch->has_begun = true;
  }
  if (length > state->size - state->written) return 1;
  if (client->platform.flash_write(client->platform.context, state->written, data, length) != 0) {
    fetch->is_flash_bad = true;
    return 1;
  }
  state->written += (uint32_t)length;
  if (state->written / GODWIT_SAVE_BYTES != (state->written - (uint32_t)length) / GODWIT_SAVE_BYTES && !save(client)) {
    fetch->is_flash_bad = true;
    return 1;
  }
  return 0;
}

typedef enum { FETCH_DONE, FETCH_BROKEN, FETCH_FLASH_BAD } fetch_result;

static fetch_result fetch_rest(godwit_client *client, godwit_reply *reply) {
  godwit_request request;
  fetching fetch;
  memset(reply, 0, sizeof *reply);
  if (client->state.written == client->state.size) return FETCH_DONE;
  client->state.written -= client->state.written % GODWIT_SECTOR_BYTES;
  memset(&request, 0, sizeof request);
  memset(&fetch, 0, sizeof fetch);
  fetch.client = client;
  fetch.reply = reply;
  fetch.asked = client->state.written;
  request.method = "GET";
  request.url = client->update.url;
  request.token = client->config.token;
  request.range_from = client->state.written;
  request.on_body = into_flash;
  request.sink = &fetch;
  if (client->platform.http(client->platform.context, &request, reply) != 0 && !fetch.is_flash_bad)
    return save(client) ? FETCH_BROKEN : FETCH_FLASH_BAD;
  if (fetch.is_flash_bad) return FETCH_FLASH_BAD;
  if (!save(client)) return FETCH_FLASH_BAD;
  return client->state.written == client->state.size ? FETCH_DONE : FETCH_BROKEN;
}

/* Of what flash holds, read back. */
static bool has_right_hash(godwit_client *client) {
  godwit_sha256 hash;
  char text[65];
  uint32_t at = 0;
  godwit_sha256_begin(&hash);
  while (at < client->state.size) {
    uint32_t left = client->state.size - at;
    uint32_t length = left < sizeof client->answer ? left : (uint32_t)sizeof client->answer;
    uint8_t *piece = (uint8_t *)client->answer;
    if (client->platform.flash_read(client->platform.context, at, piece, length) != 0) return false;
    godwit_sha256_add(&hash, piece, length);
    at += length;
  }
  godwit_sha256_end(&hash, text);
  return strcmp(text, client->state.sha256) == 0;
}

/* ---- the round ---- */

/* Tells the server how an update ended, then forgets it. */
static godwit_result end(godwit_client *client, uint32_t *pause) {
  godwit_reply reply;
  char server_state[16];
  godwit_state *state = &client->state;
  if (!report(client, state->report, state->ending, state->reason, server_state, &reply)) return retry(client, &reply, pause);
  client->failures = 0;
  forget(client);
  *pause = 1;
  return GODWIT_IDLE;
}

static godwit_result end_now(godwit_client *client, const char *ending, const char *reason, uint32_t *pause) {
  begin_ending(client, ending, reason);
  return end(client, pause);
}

/* The image that runs is the new one, or the old one again. */
static godwit_result after_restart(godwit_client *client, uint32_t *pause) {
  godwit_reply reply;
  char server_state[16];
  godwit_state *state = &client->state;
  if (strcmp(client->config.version, state->version) != 0)
    return end_now(client, "rolled-back", state->reason[0] == '\0' ? "the new image did not start" : state->reason, pause);
  if (state->report[0] == '\0') {
    new_report_id(client, state->report);
    save(client);
  }
  if (!report(client, state->report, "succeeded", "", server_state, &reply)) return retry(client, &reply, pause);
  client->failures = 0;
  if (client->platform.confirm(client->platform.context) == 0) forget(client);
  *pause = 1;
  return GODWIT_IDLE;
}

/* The bytes are there and right. Asks once more whether they are wanted, then switches. */
static godwit_result install(godwit_client *client, uint32_t *pause) {
  godwit_reply reply;
  char id[20];
  char server_state[16];
  const godwit_platform *platform = &client->platform;
  if (platform->verify != NULL && platform->verify(platform->context, &client->update) != 0)
    return end_now(client, "failed", "the signature is not good", pause);
  new_report_id(client, id);
  if (!report(client, id, "installing", "", server_state, &reply)) return retry(client, &reply, pause);
  if (strcmp(server_state, "cancelling") == 0) return end_now(client, "cancelled", "", pause);
  if (server_state[0] != '\0' && strcmp(server_state, "installing") != 0) {
    forget(client);
    *pause = 1;
    return GODWIT_IDLE;
  }
  client->state.phase = PHASE_ACTIVATED;
  client->state.reason[0] = '\0';
  client->state.report[0] = '\0';
  if (!save(client) || platform->flash_activate(platform->context) != 0)
    return end_now(client, "failed", "the image was refused", pause);
  *pause = 0;
  return GODWIT_RESTART;
}

static bool is_known(const godwit_client *client) {
  return client->state.phase == PHASE_FETCHING && strcmp(client->state.update, client->update.id) == 0 &&
         strcmp(client->state.sha256, client->update.sha256) == 0;
}

static void begin(godwit_client *client) {
  godwit_state *state = &client->state;
  memset(state, 0, sizeof *state);
  copy_text(state->update, sizeof state->update, client->update.id);
  copy_text(state->version, sizeof state->version, client->update.version);
  copy_text(state->sha256, sizeof state->sha256, client->update.sha256);
  state->size = client->update.size;
  state->phase = PHASE_FETCHING;
  save(client);
}

static godwit_result make_update(godwit_client *client, uint32_t *pause) {
  godwit_reply reply;
  if (!is_known(client)) begin(client);
  switch (fetch_rest(client, &reply)) {
    case FETCH_FLASH_BAD:
      return end_now(client, "failed", "flash could not be written", pause);
    case FETCH_BROKEN:
      return retry(client, &reply, pause);
    case FETCH_DONE:
      break;
  }
  if (!has_right_hash(client)) {
    client->state.written = 0;
    if (++client->state.mismatches > 1) return end_now(client, "failed", "wrong hash, twice", pause);
    save(client);
    return retry(client, &reply, pause);
  }
  client->failures = 0;
  return install(client, pause);
}

void godwit_init(godwit_client *client, const godwit_config *config, const godwit_platform *platform) {
  memset(client, 0, sizeof *client);
  client->config = *config;
  client->platform = *platform;
  client->battery = -1;
  client->nonce = platform->random(platform->context);
  if (platform->load(platform->context, &client->state, sizeof client->state) != 0 || client->state.magic != MAGIC)
    memset(&client->state, 0, sizeof client->state);
}

godwit_result godwit_step(godwit_client *client, uint32_t *pause_seconds) {
  godwit_reply reply;
  if (client->state.phase == PHASE_ENDING) return end(client, pause_seconds);
  if (client->state.phase == PHASE_ACTIVATED) return after_restart(client, pause_seconds);
  if (!check(client, &reply)) return retry(client, &reply, pause_seconds);
  if (reply.status == 304) {
    client->failures = 0;
    *pause_seconds = reply.retry_after > 0 ? reply.retry_after : USUAL_PAUSE;
    return GODWIT_IDLE;
  }
  client->etag[0] = '\0';
  if (reply.status != 200) return retry(client, &reply, pause_seconds);
  switch (read_answer(client, pause_seconds)) {
    case ANSWER_NONE:
      client->failures = 0;
      copy_text(client->etag, sizeof client->etag, reply.etag);
      if (client->state.phase != PHASE_NONE) forget(client);
      return GODWIT_IDLE;
    case ANSWER_CANCEL:
      copy_text(client->state.update, sizeof client->state.update, client->update.id);
      return end_now(client, "cancelled", "", pause_seconds);
    case ANSWER_STRANGE:
      copy_text(client->state.update, sizeof client->state.update, client->update.id);
      return end_now(client, "failed", "this device has one module", pause_seconds);
    case ANSWER_UPDATE:
      return make_update(client, pause_seconds);
    case ANSWER_BAD:
      break;
  }
  return retry(client, &reply, pause_seconds);
}

void godwit_fail(godwit_client *client, const char *reason) {
  if (client->state.phase != PHASE_ACTIVATED) return;
  copy_text(client->state.reason, sizeof client->state.reason, reason);
  save(client);
}
