const C1 = 0xcc9e2d51
const C2 = 0x1b873593

const encoder = new TextEncoder()

/**
 * MurmurHash3, its 32-bit variant for x86, of the UTF-8 bytes of `text`: 0 to 2^32 - 1. Spreads well and costs little; of
 * no use against somebody who chooses the input.
 */
export function murmur3(text: string, seed = 0): number {
  const bytes = encoder.encode(text)
  const whole = bytes.length & ~3
  let hash = seed | 0
  for (let at = 0; at < whole; at += 4) {
    hash ^= scrambled(
      byte(bytes, at) | (byte(bytes, at + 1) << 8) | (byte(bytes, at + 2) << 16) | (byte(bytes, at + 3) << 24),
    )
    hash = (Math.imul(rotated(hash, 13), 5) + 0xe6546b64) | 0
  }
  let tail = 0
  for (let at = bytes.length - 1; at >= whole; at--) tail = (tail << 8) | byte(bytes, at)
  hash ^= scrambled(tail)
  return finished(hash ^ bytes.length)
}

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0
}

/** A block of 0, as of an empty tail, stays 0. */
function scrambled(block: number): number {
  return Math.imul(rotated(Math.imul(block, C1), 15), C2)
}

function rotated(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits))
}

function finished(hash: number): number {
  let mixed = hash
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
