/* Godwit's client on an ESP32: the callbacks over ESP-IDF (5.x), and a task that keeps calling. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "esp_app_desc.h"
#include "esp_crt_bundle.h"
#include "esp_event.h"
#include "esp_http_client.h"
#include "esp_log.h"
#include "esp_netif.h"
#include "esp_ota_ops.h"
#include "esp_partition.h"
#include "esp_random.h"
#include "esp_system.h"
#include "esp_wifi.h"
#include "freertos/FreeRTOS.h"
#include "freertos/event_groups.h"
#include "freertos/task.h"
#include "godwit_client.h"
#include "nvs.h"
#include "nvs_flash.h"

static const char *const TAG = "godwit";
/* NVS: `token` is written by your production line, `state` is the client's. */
static const char *const NAMESPACE = "godwit";
#define TIMEOUT_MS 30000
#define TOKEN_BYTES 201

static char token[TOKEN_BYTES];

/* ---- HTTP ---- */

static esp_err_t on_event(esp_http_client_event_t *event) {
  godwit_reply *reply = event->user_data;
  if (event->event_id != HTTP_EVENT_ON_HEADER) return ESP_OK;
  if (strcasecmp(event->header_key, "Retry-After") == 0) reply->retry_after = strtoul(event->header_value, NULL, 10);
  if (strcasecmp(event->header_key, "Content-Range") == 0 && strncmp(event->header_value, "bytes ", 6) == 0)
    reply->range_from = strtoul(event->header_value + 6, NULL, 10);
  if (strcasecmp(event->header_key, "ETag") == 0 && strlen(event->header_value) < sizeof reply->etag)
    strcpy(reply->etag, event->header_value);
  return ESP_OK;
}

static int exchange(esp_http_client_handle_t http, const godwit_request *request, godwit_reply *reply) {
  static char piece[2048];
  int written = 0;
  if (esp_http_client_open(http, (int)request->body_length) != ESP_OK) return -1;
  while (written < (int)request->body_length) {
    int sent = esp_http_client_write(http, request->body + written, (int)request->body_length - written);
    if (sent <= 0) return -1;
    written += sent;
  }
  if (esp_http_client_fetch_headers(http) < 0) return -1;
  reply->status = esp_http_client_get_status_code(http);
  for (;;) {
    int got = esp_http_client_read(http, piece, sizeof piece);
    if (got < 0) return -1;
    if (got == 0) return esp_http_client_is_complete_data_received(http) ? 0 : -1;
    if (request->on_body(request->sink, (const uint8_t *)piece, (size_t)got) != 0) return -1;
  }
}

static int http(void *context, const godwit_request *request, godwit_reply *reply) {
  static char bearer[TOKEN_BYTES + 8];
  char range[24];
  int result = -1;
  esp_http_client_config_t config = {
      .url = request->url,
      .method = strcmp(request->method, "POST") == 0 ? HTTP_METHOD_POST : HTTP_METHOD_GET,
      .crt_bundle_attach = esp_crt_bundle_attach,
      .timeout_ms = TIMEOUT_MS,
      .disable_auto_redirect = true,
      .event_handler = on_event,
      .user_data = reply,
      .buffer_size = 2048,
      .buffer_size_tx = 1024,
  };
  esp_http_client_handle_t client = esp_http_client_init(&config);
  (void)context;
  if (client == NULL) return -1;
  snprintf(bearer, sizeof bearer, "Bearer %s", request->token);
  esp_http_client_set_header(client, "Authorization", bearer);
  if (request->body != NULL) esp_http_client_set_header(client, "Content-Type", "application/json");
  if (request->if_none_match != NULL) esp_http_client_set_header(client, "If-None-Match", request->if_none_match);
  if (request->range_from > 0) {
    snprintf(range, sizeof range, "bytes=%lu-", (unsigned long)request->range_from);
    esp_http_client_set_header(client, "Range", range);
  }
  result = exchange(client, request, reply);
  esp_http_client_close(client);
  esp_http_client_cleanup(client);
  return result;
}

/* ---- flash ---- */

static const esp_partition_t *spare(void) {
  return esp_ota_get_next_update_partition(NULL);
}

static int flash_write(void *context, uint32_t offset, const uint8_t *data, size_t length) {
  const esp_partition_t *slot = spare();
  uint32_t first = (offset + GODWIT_SECTOR_BYTES - 1) / GODWIT_SECTOR_BYTES;
  uint32_t beyond = (uint32_t)((offset + length + GODWIT_SECTOR_BYTES - 1) / GODWIT_SECTOR_BYTES);
  (void)context;
  if (slot == NULL || offset + length > slot->size) return -1;
  if (beyond > first && esp_partition_erase_range(slot, first * GODWIT_SECTOR_BYTES,
                                                  (beyond - first) * GODWIT_SECTOR_BYTES) != ESP_OK)
    return -1;
  return esp_partition_write(slot, offset, data, length) == ESP_OK ? 0 : -1;
}

static int flash_read(void *context, uint32_t offset, uint8_t *data, size_t length) {
  const esp_partition_t *slot = spare();
  (void)context;
  return slot != NULL && esp_partition_read(slot, offset, data, length) == ESP_OK ? 0 : -1;
}

static int flash_activate(void *context) {
  (void)context;
  /* Verifies the image (and its signature, with secure boot) before it switches. */
  return esp_ota_set_boot_partition(spare()) == ESP_OK ? 0 : -1;
}

static int confirm(void *context) {
  (void)context;
  return esp_ota_mark_app_valid_cancel_rollback() == ESP_OK ? 0 : -1;
}

/* ---- the durable store ---- */

static int load(void *context, void *data, size_t length) {
  nvs_handle_t nvs;
  size_t stored = length;
  esp_err_t result;
  (void)context;
  if (nvs_open(NAMESPACE, NVS_READONLY, &nvs) != ESP_OK) return -1;
  result = nvs_get_blob(nvs, "state", data, &stored);
  nvs_close(nvs);
  return result == ESP_OK && stored == length ? 0 : -1;
}

static int save(void *context, const void *data, size_t length) {
  nvs_handle_t nvs;
  esp_err_t result;
  (void)context;
  if (nvs_open(NAMESPACE, NVS_READWRITE, &nvs) != ESP_OK) return -1;
  result = nvs_set_blob(nvs, "state", data, length);
  if (result == ESP_OK) result = nvs_commit(nvs);
  nvs_close(nvs);
  return result == ESP_OK ? 0 : -1;
}

static bool load_token(void) {
  nvs_handle_t nvs;
  size_t length = sizeof token;
  esp_err_t result;
  if (nvs_open(NAMESPACE, NVS_READONLY, &nvs) != ESP_OK) return false;
  result = nvs_get_str(nvs, "token", token, &length);
  nvs_close(nvs);
  return result == ESP_OK;
}

static uint32_t number(void *context) {
  (void)context;
  return esp_random();
}

/* ---- network ---- */

static EventGroupHandle_t network;
#define CONNECTED BIT0

static void on_network(void *context, esp_event_base_t base, int32_t id, void *data) {
  (void)context;
  (void)data;
  if (base == IP_EVENT && id == IP_EVENT_STA_GOT_IP) xEventGroupSetBits(network, CONNECTED);
  if (base == WIFI_EVENT && (id == WIFI_EVENT_STA_START || id == WIFI_EVENT_STA_DISCONNECTED)) esp_wifi_connect();
}

static void connect_network(void) {
  wifi_init_config_t defaults = WIFI_INIT_CONFIG_DEFAULT();
  wifi_config_t station = {.sta = {.ssid = CONFIG_GODWIT_WIFI_SSID, .password = CONFIG_GODWIT_WIFI_PASSWORD}};
  network = xEventGroupCreate();
  ESP_ERROR_CHECK(esp_netif_init());
  ESP_ERROR_CHECK(esp_event_loop_create_default());
  esp_netif_create_default_wifi_sta();
  ESP_ERROR_CHECK(esp_wifi_init(&defaults));
  ESP_ERROR_CHECK(esp_event_handler_register(WIFI_EVENT, ESP_EVENT_ANY_ID, on_network, NULL));
  ESP_ERROR_CHECK(esp_event_handler_register(IP_EVENT, IP_EVENT_STA_GOT_IP, on_network, NULL));
  ESP_ERROR_CHECK(esp_wifi_set_mode(WIFI_MODE_STA));
  ESP_ERROR_CHECK(esp_wifi_set_config(WIFI_IF_STA, &station));
  ESP_ERROR_CHECK(esp_wifi_start());
  xEventGroupWaitBits(network, CONNECTED, pdFALSE, pdTRUE, portMAX_DELAY);
}

/* ---- the task ---- */

static bool is_unproven(void) {
  esp_ota_img_states_t state;
  return esp_ota_get_state_partition(esp_ota_get_running_partition(), &state) == ESP_OK &&
         state == ESP_OTA_IMG_PENDING_VERIFY;
}

/* Your own tests of a new image: sensors, actuators, whatever must work before the way back is given up. */
static bool passes_self_test(void) {
  return true;
}

static void godwit_task(void *context) {
  static godwit_client client;
  const godwit_config config = {
      .server = CONFIG_GODWIT_SERVER,
      .token = token,
      .module = CONFIG_GODWIT_MODULE,
      .version = esp_app_get_description()->version,
  };
  const godwit_platform platform = {
      .http = http,
      .flash_write = flash_write,
      .flash_read = flash_read,
      .flash_activate = flash_activate,
      .confirm = confirm,
      .load = load,
      .save = save,
      .random = number,
  };
  uint32_t pause = 1;
  (void)context;
  godwit_init(&client, &config, &platform);
  if (is_unproven() && !passes_self_test()) {
    godwit_fail(&client, "the self-test failed");
    esp_ota_mark_app_invalid_rollback_and_reboot();
  }
  for (;;) {
    if (godwit_step(&client, &pause) == GODWIT_RESTART) esp_restart();
    ESP_LOGD(TAG, "again in %lu s", (unsigned long)pause);
    vTaskDelay(pdMS_TO_TICKS((uint64_t)pause * 1000));
  }
}

void app_main(void) {
  esp_err_t result = nvs_flash_init();
  /* Erasing NVS here would take the token along: a full or older store is for your production line to solve. */
  ESP_ERROR_CHECK(result);
  if (!load_token()) {
    ESP_LOGE(TAG, "no token in NVS, namespace %s", NAMESPACE);
    return;
  }
  connect_network();
  xTaskCreate(godwit_task, "godwit", 8192, NULL, 3, NULL);
}
