import {
  argon2 as argon2Callback,
  createCipheriv,
  createDecipheriv,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto'
import { promisify } from 'node:util'
import { OtaError } from '../../core/errors.ts'
import type { Secrets } from '../../core/ports.ts'

const argon2 = promisify(argon2Callback)

/** Cost of one password check: the memory is in KiB. OWASP's minimum for argon2id. */
export interface PasswordCost {
  readonly memory: number
  readonly passes: number
  readonly parallelism: number
}

export const DEFAULT_PASSWORD_COST: PasswordCost = { memory: 19_456, passes: 2, parallelism: 1 }

const TAG_BYTES = 32
const NONCE_BYTES = 12
const GCM_TAG_BYTES = 16
const SEAL_VERSION = 'v1'

/** Secrets under one master key of 32 bytes: AES-256-GCM for what must be shown again, argon2id for passwords. */
export function sealedSecrets(masterKey: Uint8Array, cost: PasswordCost = DEFAULT_PASSWORD_COST): Secrets {
  if (masterKey.length !== 32) throw new OtaError('invalid', 'The master key must have 32 bytes.')
  const sealingKey = derive('seal/v1')
  const nobody = `$argon2id$${cost.memory},${cost.passes},${cost.parallelism}$${'A'.repeat(22)}$${'A'.repeat(43)}`

  function derive(purpose: string): Uint8Array {
    return new Uint8Array(hkdfSync('sha256', masterKey, 'godwit', purpose, 32))
  }

  async function digest(password: string, nonce: Uint8Array, using: PasswordCost): Promise<Buffer> {
    const { memory, passes, parallelism } = using
    return argon2('argon2id', { message: password, nonce, memory, passes, parallelism, tagLength: TAG_BYTES })
  }

  return {
    derive,
    async hashPassword(password) {
      const salt = randomBytes(16)
      const hash = await digest(password, salt, cost)
      const text = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '')
      return `$argon2id$${cost.memory},${cost.passes},${cost.parallelism}$${text(salt)}$${text(hash)}`
    },
    async verifyPassword(password, stored) {
      const [, , parameters = '', salt = '', hash = ''] = (stored ?? nobody).split('$')
      const [memory = 0, passes = 0, parallelism = 0] = parameters.split(',').map(Number)
      const expected = Buffer.from(hash, 'base64')
      const actual = await digest(password, Buffer.from(salt, 'base64'), { memory, passes, parallelism })
      return stored !== undefined && expected.length === actual.length && timingSafeEqual(expected, actual)
    },
    seal(plain, context) {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv('aes-256-gcm', sealingKey, nonce).setAAD(Buffer.from(context))
      const body = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()])
      return `${SEAL_VERSION}.${Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64url')}`
    },
    open(sealed, context) {
      try {
        const bytes = Buffer.from(sealed.slice(SEAL_VERSION.length + 1), 'base64url')
        const decipher = createDecipheriv('aes-256-gcm', sealingKey, bytes.subarray(0, NONCE_BYTES))
        decipher.setAAD(Buffer.from(context))
        decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + GCM_TAG_BYTES))
        const body = bytes.subarray(NONCE_BYTES + GCM_TAG_BYTES)
        return Buffer.concat([decipher.update(body), decipher.final()]).toString('utf8')
      } catch (cause) {
        throw new OtaError('internal', 'A secret cannot be opened: it was sealed under another master key.', { cause })
      }
    },
  }
}
