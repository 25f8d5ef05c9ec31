import { hash } from 'node:crypto'

// What EnOS programs and devices compute, written from the contract and not shared with the server.

export function encryption(appKey: string, timestamp: number, secret: string): string {
  return hash('sha256', `${appKey}${timestamp}${secret}`)
}

export interface Signed {
  readonly token: string
  readonly secret: string
  readonly query: Readonly<Record<string, string>>
  /** Text of the body that is signed; none for multipart. */
  readonly body?: string
  readonly timestamp: number
}

/** The three headers of a signed call. */
export function signedHeaders({ token, secret, query, body = '', timestamp }: Signed): Record<string, string> {
  const names = Object.keys(query).sort()
  const parameters = names.map((name) => `${name}${query[name]}`).join('')
  return {
    'apim-accesstoken': token,
    'apim-timestamp': String(timestamp),
    'apim-signature': hash('sha256', `${token}${parameters}${body}${timestamp}${secret}`),
  }
}

/** The body by which a device opens a session. */
export function signedDevice(device: { productKey: string; deviceKey: string; secret: string }): object {
  const { productKey, deviceKey, secret } = device
  const lifetime = 300_000
  const text = `deviceKey${deviceKey}lifetime${lifetime}productKey${productKey}signMethodsha256${secret}`
  return { signMethod: 'sha256', lifetime, sign: hash('sha256', text) }
}
