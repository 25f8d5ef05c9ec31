/** A small repeatable source of randomness; the same seed always gives the same sequence, on every machine. */
export interface SeededRandom {
  /** Next 32 bits as an unsigned integer. */
  uint32(): number
  /** Integer in `[0, below)`; `below` is a positive integer up to 2^32. */
  integer(below: number): number
  /** Number in `[0, 1)`. */
  fraction(): number
  /** Fresh bytes. */
  bytes(length: number): Uint8Array
  /** Lower-case hex text of `length` characters. */
  hex(length: number): string
}

/** Text seeds are hashed (FNV-1a), so that names of devices and versions can serve as seeds. Not for secrets. */
export function seededRandom(seed: number | string): SeededRandom {
  let state = (typeof seed === 'number' ? seed : fnv1a(seed)) >>> 0

  // A Weyl sequence through a 32-bit finalizer: every seed, zero included, starts a full period of 2^32.
  const uint32 = (): number => {
    state = (state + 0x9e3779b9) >>> 0
    let mixed = state
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
    return (mixed ^ (mixed >>> 16)) >>> 0
  }

  const bytes = (length: number): Uint8Array => {
    const words = new Uint32Array(Math.ceil(length / 4))
    for (let index = 0; index < words.length; index += 1) words[index] = uint32()
    return new Uint8Array(words.buffer, 0, length)
  }

  return {
    uint32,
    integer: (below) => Math.floor((uint32() / 2 ** 32) * below),
    fraction: () => uint32() / 2 ** 32,
    bytes,
    hex: (length) =>
      Buffer.from(bytes(Math.ceil(length / 2)))
        .toString('hex')
        .slice(0, length),
  }
}

function fnv1a(text: string): number {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash >>> 0
}
