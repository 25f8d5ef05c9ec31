#include "godwit_json.h"

#include <string.h>

static const char *skip_space(const char *at, const char *end) {
  while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')) at++;
  return at;
}

/* From a quote to beyond the closing one; NULL when there is none. */
static const char *skip_text(const char *at, const char *end) {
  for (at++; at < end; at++) {
    if (*at == '"') return at + 1;
    if (*at == '\\') at++;
  }
  return NULL;
}

/* Beyond a value of any kind; NULL when it does not end. Nesting costs no stack. */
static const char *skip_value(const char *at, const char *end) {
  const char *start = at;
  unsigned depth = 0;
  if (at >= end) return NULL;
  if (*at == '"') return skip_text(at, end);
  if (*at == '{' || *at == '[') {
    while (at < end) {
      if (*at == '"') {
        at = skip_text(at, end);
        if (at == NULL) return NULL;
        continue;
      }
      if (*at == '{' || *at == '[') depth++;
      if ((*at == '}' || *at == ']') && --depth == 0) return at + 1;
      at++;
    }
    return NULL;
  }
  while (at < end && strchr(",]} \t\r\n", *at) == NULL) at++;
  return at == start ? NULL : at;
}

bool godwit_json_parse(const char *text, size_t length, godwit_json *value) {
  const char *end = text + length;
  const char *at = skip_space(text, end);
  const char *after = skip_value(at, end);
  if (after == NULL) return false;
  value->at = at;
  value->end = after;
  return true;
}

bool godwit_json_member(godwit_json object, const char *name, godwit_json *value) {
  size_t length = strlen(name);
  const char *end = object.end;
  const char *at = object.at;
  if (at >= end || *at != '{') return false;
  at++;
  for (;;) {
    const char *key;
    const char *after;
    bool is_wanted;
    at = skip_space(at, end);
    if (at >= end || *at != '"') return false;
    key = at + 1;
    at = skip_text(at, end);
    if (at == NULL) return false;
    is_wanted = (size_t)(at - 1 - key) == length && memcmp(key, name, length) == 0;
    at = skip_space(at, end);
    if (at >= end || *at != ':') return false;
    at = skip_space(at + 1, end);
    after = skip_value(at, end);
    if (after == NULL) return false;
    if (is_wanted) {
      value->at = at;
      value->end = after;
      return true;
    }
    at = skip_space(after, end);
    if (at >= end || *at != ',') return false;
    at++;
  }
}

bool godwit_json_element(godwit_json array, unsigned index, godwit_json *value) {
  const char *end = array.end;
  const char *at = array.at;
  if (at >= end || *at != '[') return false;
  at++;
  for (;;) {
    const char *after;
    at = skip_space(at, end);
    after = at < end && *at != ']' ? skip_value(at, end) : NULL;
    if (after == NULL) return false;
    if (index == 0) {
      value->at = at;
      value->end = after;
      return true;
    }
    index--;
    at = skip_space(after, end);
    if (at >= end || *at != ',') return false;
    at++;
  }
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/* One character of a text, escapes undone; the place behind it, or NULL. */
static const char *read_character(const char *at, const char *end, int *character) {
  int code = 0;
  int digit;
  unsigned index;
  if (*at != '\\') {
    *character = (unsigned char)*at;
    return at + 1;
  }
  if (end - at < 2) return NULL;
  *character = at[1];
  if (at[1] == '"' || at[1] == '\\' || at[1] == '/') return at + 2;
  if (at[1] != 'u' || end - at < 6) return NULL;
  for (index = 2; index < 6; index++) {
    digit = hex_digit(at[index]);
    if (digit < 0) return NULL;
    code = code * 16 + digit;
  }
  *character = code;
  return at + 6;
}

bool godwit_json_text(godwit_json value, char *text, size_t size) {
  const char *at = value.at;
  const char *end = value.end - 1;
  size_t length = 0;
  if (value.end - value.at < 2 || *at != '"') return false;
  at++;
  while (at < end) {
    int character = 0;
    at = read_character(at, end, &character);
    if (at == NULL || character < 0x20 || character > 0x7e || length + 1 >= size) return false;
    text[length++] = (char)character;
  }
  text[length] = '\0';
  return true;
}

bool godwit_json_number(godwit_json value, uint32_t *number) {
  const char *at = value.at;
  uint64_t sum = 0;
  if (at >= value.end) return false;
  for (; at < value.end; at++) {
    if (*at < '0' || *at > '9') return false;
    sum = sum * 10 + (uint64_t)(*at - '0');
    if (sum > 0xffffffffu) return false;
  }
  *number = (uint32_t)sum;
  return true;
}
