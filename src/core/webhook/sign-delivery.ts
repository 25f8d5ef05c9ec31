import { createHmac } from 'node:crypto'
import { invalid } from '../errors.ts'

/** What secrets begin with; the rest is the key in base64. */
export const SECRET_PREFIX = 'whsec_'

export interface Signed {
  /** Of the message; the same at every attempt. */
  readonly id: string
  /** Of the attempt, seconds since the epoch. */
  readonly timestamp: number
  readonly body: string
}

/** The header `webhook-signature`, as Standard Webhooks has it: `v1,<base64>` for each secret, separated by spaces. */
export function signDelivery(secrets: readonly string[], { id, timestamp, body }: Signed): string {
  const signature = (secret: string) =>
    `v1,${createHmac('sha256', keyOf(secret)).update(`${id}.${timestamp}.${body}`).digest('base64')}`
  return secrets.map(signature).join(' ')
}

/** Throws `invalid` unless it is `whsec_` and 24 to 64 bytes in base64. */
export function requireWebhookSecret(value: string): string {
  const text = value.slice(SECRET_PREFIX.length)
  const bytes = keyOf(value).length
  const isBase64 = /^[A-Za-z0-9+/]+={0,2}$/.test(text) && text.length % 4 === 0
  if (!value.startsWith(SECRET_PREFIX) || !isBase64 || bytes < 24 || bytes > 64)
    throw invalid('secret', `must be ${SECRET_PREFIX} and 24 to 64 bytes in base64`)
  return value
}

function keyOf(secret: string): Buffer {
  return Buffer.from(secret.slice(SECRET_PREFIX.length), 'base64')
}
