import { randomBytes, randomUUID } from 'node:crypto'
import type { Ids } from '../../core/ports.ts'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
/** Largest multiple of the alphabet's size in a byte; bytes beyond would favour the first letters. */
const UNBIASED = 256 - (256 % ALPHABET.length)

export const randomIds: Ids = {
  id: (now) =>
    Math.floor(now / 1000)
      .toString(16)
      .padStart(8, '0')
      .slice(-8) + randomBytes(8).toString('hex'),
  uuid: () => randomUUID(),
  token: (length) => {
    let token = ''
    while (token.length < length)
      for (const byte of randomBytes(length)) if (byte < UNBIASED) token += ALPHABET[byte % ALPHABET.length]
    return token.slice(0, length)
  },
}
