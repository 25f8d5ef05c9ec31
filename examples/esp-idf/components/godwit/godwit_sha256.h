/* SHA-256 (FIPS 180-4) in pieces. Replace it by your chip's accelerator where that matters. */
#ifndef GODWIT_SHA256_H
#define GODWIT_SHA256_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
  uint32_t words[8];
  uint64_t length;
  uint8_t block[64];
} godwit_sha256;

void godwit_sha256_begin(godwit_sha256 *hash);
void godwit_sha256_add(godwit_sha256 *hash, const uint8_t *data, size_t length);
/* 64 lower-case hex digits with a final zero. */
void godwit_sha256_end(godwit_sha256 *hash, char text[65]);

#endif
