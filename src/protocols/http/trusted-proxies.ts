import { BlockList, isIP } from 'node:net'
import { invalid } from '../../core/errors.ts'

/** Decides whose forwarded headers count. */
export interface TrustedProxies {
  trusts(address: string): boolean
}

const LOOPBACK = ['127.0.0.0/8', '::1/128']

/**
 * Each entry is an address, a network in CIDR form, or `loopback`; an empty list trusts nobody.
 * Throws `OtaError('invalid')` that names the entry it cannot read.
 */
export function parseTrustedProxies(entries: readonly string[]): TrustedProxies {
  const list = new BlockList()
  for (const entry of entries.flatMap((each) => (each.trim() === 'loopback' ? LOOPBACK : [each.trim()]))) {
    add(list, entry)
  }
  return {
    trusts(address) {
      const plain = plainAddress(address)
      const family = isIP(plain)
      return family !== 0 && list.check(plain, family === 6 ? 'ipv6' : 'ipv4')
    },
  }
}

function add(list: BlockList, entry: string): void {
  const [address = '', prefix, ...rest] = entry.split('/')
  const family = isIP(address)
  const bits = prefix === undefined ? undefined : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN
  const isOutOfRange = bits !== undefined && !(bits <= (family === 6 ? 128 : 32))
  if (family === 0 || isOutOfRange || rest.length > 0) {
    throw invalid('trustedProxies', `"${entry}" is neither an address, a network nor "loopback"`)
  }
  const type = family === 6 ? 'ipv6' : 'ipv4'
  if (bits === undefined) list.addAddress(address, type)
  else list.addSubnet(address, bits, type)
}

/** An IPv4 address that came in on an IPv6 socket, in its IPv4 form; anything else as it is, without a zone. */
export function plainAddress(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  return mapped?.[1] ?? address.replace(/%.*$/, '')
}
