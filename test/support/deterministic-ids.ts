import { createHash } from 'node:crypto'
import type { Ids } from '../../src/core/ports.ts'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

/** Ids in the real formats, all different, and the same in every run. */
export function deterministicIds(seed = 'godwit'): Ids {
  let drawn = 0
  const bytes = (): Buffer => {
    drawn += 1
    return createHash('sha512').update(`${seed}/${drawn}`).digest()
  }
  return {
    id: (now) =>
      Math.floor(now / 1000)
        .toString(16)
        .padStart(8, '0') + bytes().toString('hex', 0, 8),
    uuid: () => {
      const hex = bytes().toString('hex', 0, 16)
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`
    },
    token: (length) => {
      let token = ''
      while (token.length < length) for (const byte of bytes()) token += ALPHABET[byte % ALPHABET.length]
      return token.slice(0, length)
    },
  }
}
