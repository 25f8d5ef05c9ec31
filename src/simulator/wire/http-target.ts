/** How a device trusts a TLS server. */
export interface TlsTrust {
  /** PEM of the one authority that the device carries. */
  readonly ca?: string
  /** False only for servers with throw-away certificates. */
  readonly verify?: boolean
}

/** Where to connect, and what stands before each path. */
export interface HttpTarget {
  readonly host: string
  readonly port: number
  readonly secure: boolean
  /** Path of the base address exactly as written: '' or with its trailing slash, so that joining doubles it. */
  readonly prefix: string
  /** Value of a Host header: the port is left out when it is 80 or 443. */
  readonly hostHeader: string
  readonly tls?: TlsTrust
}

/**
 * Reads an http or https address by hand: `URL` would tidy up the slashes that devices really send.
 * Throws `TypeError` on anything else: a wrong address is the caller's mistake, not a server's answer.
 */
export function httpTarget(address: string, tls?: TlsTrust): HttpTarget {
  const match = /^(https?):\/\/(\[[0-9a-fA-F:]+\]|[^/:?#[\]@]+)(?::([0-9]{1,5}))?(\/[^?#]*)?$/.exec(address)
  if (match === null) throw new TypeError(`not an http address: ${address}`)
  const [, scheme, host = '', portText, prefix = ''] = match
  const secure = scheme === 'https'
  const port = portText === undefined ? (secure ? 443 : 80) : Number(portText)
  return {
    host: host.replace(/^\[|\]$/g, ''),
    port,
    secure,
    prefix,
    hostHeader: port === 80 || port === 443 ? host : `${host}:${port}`,
    ...(tls === undefined ? {} : { tls }),
  }
}

/** Splits a full link (as servers hand out) into a target without prefix and the path with its query. */
export function splitLink(link: string, tls?: TlsTrust): { target: HttpTarget; path: string } {
  const match = /^(https?:\/\/[^/?#]+)([^#]*)/.exec(link)
  if (match === null) throw new TypeError(`not an http link: ${link}`)
  const [, origin = '', path = ''] = match
  return { target: httpTarget(origin, tls), path: path.startsWith('/') ? path : `/${path}` }
}
