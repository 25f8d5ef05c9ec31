/* Reads JSON where it stands: no allocation, no copies but of texts. Bad input is never more than "not there". */
#ifndef GODWIT_JSON_H
#define GODWIT_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A value within a larger text. */
typedef struct {
  const char *at;
  const char *end;
} godwit_json;

/* The first value of a text. */
bool godwit_json_parse(const char *text, size_t length, godwit_json *value);
/* A member of an object, by a name without escapes. */
bool godwit_json_member(godwit_json object, const char *name, godwit_json *value);
/* An element of an array, from 0. */
bool godwit_json_element(godwit_json array, unsigned index, godwit_json *value);
/* A text of printable ASCII with its final zero; false when it does not fit or holds anything else. */
bool godwit_json_text(godwit_json value, char *text, size_t size);
/* A whole number from 0 to 4294967295. */
bool godwit_json_number(godwit_json value, uint32_t *number);

#endif
