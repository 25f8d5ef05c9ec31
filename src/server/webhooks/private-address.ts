import { BlockList, isIP } from 'node:net'

/** Addresses that are no place on the public internet (IANA special-purpose registries), with multicast. */
const NETWORKS: ReadonlyArray<readonly [network: string, prefix: number]> = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
  ['::', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
  ['5f00::', 16],
  ['fc00::', 7],
  ['fe80::', 9],
  ['ff00::', 8],
]

const blocked = new BlockList()
for (const [network, prefix] of NETWORKS) blocked.addSubnet(network, prefix, isIP(network) === 6 ? 'ipv6' : 'ipv4')

/** Whether an address, in whatever spelling, is private, local, reserved or a tunnel to such. What is no address is. */
export function isPrivateAddress(address: string): boolean {
  const [plain = ''] = address.split('%')
  const family = isIP(plain)
  if (family === 0) return true
  // An IPv4 address written as IPv6 is checked against the IPv4 networks.
  return blocked.check(plain, family === 6 ? 'ipv6' : 'ipv4')
}
