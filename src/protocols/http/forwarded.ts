import type { IncomingHttpHeaders } from 'node:http'
import { isIP } from 'node:net'

/** What proxies say about a request. `addresses` in the order of hops, the client's own first; unverified. */
export interface ForwardedFacts {
  readonly addresses: readonly string[]
  readonly proto?: 'http' | 'https'
  /** With port where one was given. */
  readonly host?: string
}

const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/

/** Whether a Host value can be built into a link. */
export function isHost(value: string): boolean {
  return value.length <= 255 && HOST.test(value)
}

/**
 * Reads X-Forwarded-For, -Proto, -Host and -Port; only where none of them is there, RFC 7239 Forwarded. Never both:
 * most proxies write the former and pass the client's own Forwarded through. Of repeated values the last counts for
 * proto and host: the nearest proxy wrote it.
 */
export function forwardedFacts(headers: IncomingHttpHeaders): ForwardedFacts {
  const forwardedFor = list(headers['x-forwarded-for'])
  const proto = list(headers['x-forwarded-proto']).at(-1)
  const host = list(headers['x-forwarded-host']).at(-1)
  const port = list(headers['x-forwarded-port']).at(-1)
  if (forwardedFor.length > 0 || proto !== undefined || host !== undefined || port !== undefined) {
    return facts(forwardedFor, proto, withPort(host, port))
  }
  const elements = list(headers.forwarded).map(parseElement)
  const last = elements.at(-1)
  return facts(
    elements.map((element) => element.get('for') ?? 'unknown'),
    last?.get('proto'),
    last?.get('host'),
  )
}

/** True when a proxy is in front, trusted or not. */
export function isForwarded(headers: IncomingHttpHeaders): boolean {
  return ['forwarded', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host'].some((name) => name in headers)
}

function facts(hops: readonly string[], proto: string | undefined, host: string | undefined): ForwardedFacts {
  const scheme = proto?.toLowerCase()
  return {
    addresses: hops.map(withoutPort),
    ...(scheme === 'http' || scheme === 'https' ? { proto: scheme } : {}),
    ...(host !== undefined && isHost(host) ? { host } : {}),
  }
}

function withPort(host: string | undefined, port: string | undefined): string | undefined {
  const hasPort = host === undefined || /:\d+$/.test(host)
  return hasPort || port === undefined || !/^\d{1,5}$/.test(port) ? host : `${host}:${port}`
}

function list(header: string | string[] | undefined): string[] {
  const text = Array.isArray(header) ? header.join(',') : (header ?? '')
  return (text.match(/(?:"(?:[^"\\]|\\.)*"|[^",])+/g) ?? []).map((member) => member.trim()).filter(Boolean)
}

const PAIR = /([A-Za-z]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]+))/g

function parseElement(element: string): Map<string, string> {
  const pairs = new Map<string, string>()
  for (const [, name = '', quoted, token] of element.matchAll(PAIR)) {
    pairs.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? token ?? '')
  }
  return pairs
}

/** `1.2.3.4:80`, `[::1]:80`, `[::1]` without their port and brackets; what is no address stays as it is. */
function withoutPort(node: string): string {
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(node)?.[1]
  if (bracketed !== undefined) return bracketed
  const stripped = node.replace(/:\d+$/, '')
  return isIP(node) === 0 && isIP(stripped) !== 0 ? stripped : node
}
