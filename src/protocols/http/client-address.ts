import type { IncomingHttpHeaders } from 'node:http'
import { isIP, type Socket } from 'node:net'
import { forwardedFacts, isForwarded, isHost } from './forwarded.ts'
import { plainAddress, type TrustedProxies } from './trusted-proxies.ts'

/** As much of a request as address questions need; Fastify's `request` and Node's both fit. */
export interface AddressedRequest {
  readonly headers: IncomingHttpHeaders
  readonly socket: Pick<Socket, 'remoteAddress' | 'localAddress' | 'localPort'> & { readonly encrypted?: boolean }
}

export interface PublicUrlConfig {
  /** Configured base of all links; wins over everything. */
  readonly publicUrl?: string | undefined
  readonly trusted: TrustedProxies
}

/**
 * The address of the client: the connection's peer, or, behind trusted proxies, the last hop that is not one of them.
 * IPv4 in its plain form. `unknown` when the connection is gone or a proxy hides it.
 */
export function clientAddress(request: AddressedRequest, trusted: TrustedProxies): string {
  let address = plainAddress(request.socket.remoteAddress ?? 'unknown')
  if (!trusted.trusts(address)) return address
  for (const hop of forwardedFacts(request.headers).addresses.toReversed()) {
    address = isIP(hop) === 0 ? 'unknown' : plainAddress(hop)
    if (!trusted.trusts(address)) break
  }
  return address
}

/**
 * Base of every link that is handed out, without a trailing slash: the configured URL; else what a trusted proxy says;
 * else the Host header and the scheme of the connection. Default ports are left out.
 */
export function publicBaseUrl(request: AddressedRequest, config: PublicUrlConfig): string {
  if (config.publicUrl !== undefined) return config.publicUrl.replace(/\/+$/, '')
  const { socket, headers } = request
  // The headers first: to ask for the peer's address is a system call.
  const isBehindTrusted = isForwarded(headers) && config.trusted.trusts(socket.remoteAddress ?? '')
  const forwarded = isBehindTrusted ? forwardedFacts(headers) : undefined
  const proto = forwarded?.proto ?? (socket.encrypted === true ? 'https' : 'http')
  const host = forwarded?.host ?? (isHost(headers.host ?? '') ? headers.host : undefined) ?? localHost(socket)
  return `${proto}://${host.replace(proto === 'https' ? /:443$/ : /:80$/, '')}`
}

function localHost(socket: AddressedRequest['socket']): string {
  const address = plainAddress(socket.localAddress ?? 'localhost')
  return `${isIP(address) === 6 ? `[${address}]` : address}:${socket.localPort ?? 80}`
}
