import { createHash } from 'node:crypto'

/** Query parameters as names and values before any encoding, in the order of the wire. */
export type Query = readonly (readonly [name: string, value: string])[]

export function sha256Hex(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest('hex')
}

/** [enos 2.2] proves possession of the secret to the token service. */
export function encryptionOf(credential: { appKey: string; appSecret: string }, timestamp: number | string): string {
  return sha256Hex(credential.appKey, String(timestamp), credential.appSecret)
}

/** [enos 2.3] decoded parameters sorted by name, then the raw body; a multipart body is left out by the caller. */
export function signatureOf(
  call: { readonly query: Query; readonly body?: Uint8Array },
  key: { readonly accessToken: string; readonly timestamp: number | string; readonly appSecret: string },
): string {
  const sorted = [...call.query].sort(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0))
  const params = sorted.map(([name, value]) => `${name}${value}`).join('')
  return sha256Hex(key.accessToken, params, call.body ?? '', String(key.timestamp), key.appSecret)
}

export interface EnosDeviceIdentity {
  readonly productKey: string
  readonly deviceKey: string
  readonly secret: string
}

/** [enos 6] of the HTTP authentication. */
export function httpAuthSign(device: EnosDeviceIdentity, lifetimeMs: number): string {
  const { deviceKey, productKey, secret } = device
  return sha256Hex(`deviceKey${deviceKey}lifetime${lifetimeMs}productKey${productKey}signMethodsha256${secret}`)
}

/** [enos 5.1] password of an MQTT connection; the timestamp is opaque text. */
export function mqttPassword(device: EnosDeviceIdentity, clientId: string, timestamp: string): string {
  const { deviceKey, productKey, secret } = device
  return sha256Hex(`clientId${clientId}deviceKey${deviceKey}productKey${productKey}timestamp${timestamp}${secret}`)
}
