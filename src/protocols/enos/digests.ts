import { createHash, hash, timingSafeEqual } from 'node:crypto'

/** [enos 2.2] Proof of the secret to the token service. `timestamp` is its decimal text. */
export function encryptionOf(appKey: string, timestamp: string, appSecret: string): string {
  return hash('sha256', appKey + timestamp + appSecret)
}

export interface SignedCall {
  readonly accessToken: string
  readonly parameters: ReadonlyMap<string, string>
  /** Raw bytes as received; absent for GET and multipart. */
  readonly body?: Uint8Array
  readonly timestamp: string
  readonly appSecret: string
}

/** [enos 2.3] sha256(accessToken + parameters sorted by name + raw body + timestamp + appSecret), lower-case hex. */
export function signatureOf(call: SignedCall): string {
  const head = call.accessToken + sorted(call.parameters)
  const tail = call.timestamp + call.appSecret
  if (call.body === undefined || call.body.length === 0) return hash('sha256', head + tail)
  return createHash('sha256').update(head).update(call.body).update(tail).digest('hex')
}

function sorted(parameters: ReadonlyMap<string, string>): string {
  let text = ''
  for (const name of [...parameters.keys()].sort()) text += name + parameters.get(name)
  return text
}

export interface DeviceProof {
  readonly productKey: string
  readonly deviceKey: string
  /** Decimal text of milliseconds. */
  readonly lifetime: string
  readonly secret: string
}

/** [enos 6] Proof of a device's secret over HTTP. */
export function deviceSignOf({ productKey, deviceKey, lifetime, secret }: DeviceProof): string {
  return hash('sha256', `deviceKey${deviceKey}lifetime${lifetime}productKey${productKey}signMethodsha256${secret}`)
}

/** Compares two SHA-256 in lower-case hex in constant time; what is none equals nothing. */
export function sameDigest(a: string, b: string): boolean {
  return isSha256Hex(a) && isSha256Hex(b) && timingSafeEqual(Buffer.from(a, 'latin1'), Buffer.from(b, 'latin1'))
}

const SHA256_HEX = /^[0-9a-fA-F]{64}$/

export function isSha256Hex(text: string): boolean {
  return SHA256_HEX.test(text)
}
