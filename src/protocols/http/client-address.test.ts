import { describe, expect, test } from 'vitest'
import { clientAddress, publicBaseUrl } from './client-address.ts'
import { isForwarded } from './forwarded.ts'
import { parseTrustedProxies } from './trusted-proxies.ts'

const trusted = parseTrustedProxies(['loopback', '10.0.0.0/8', '192.168.1.7', 'fd00::/8'])
const request = (remoteAddress: string | undefined, headers: Record<string, string> = {}, encrypted = false) => ({
  headers,
  socket: { remoteAddress, localAddress: '127.0.0.1', localPort: 8080, encrypted },
})

describe('trusted proxies', () => {
  test.each([
    ['127.0.0.1', true],
    ['127.8.8.8', true],
    ['::1', true],
    ['::ffff:127.0.0.1', true],
    ['::ffff:10.1.2.3', true],
    ['10.255.0.1', true],
    ['11.0.0.1', false],
    ['192.168.1.7', true],
    ['192.168.1.8', false],
    ['fd12::1', true],
    ['fe80::1%eth0', false],
    ['2001:db8::1', false],
    ['unknown', false],
    ['', false],
  ])('%s: %s', (address, expected) => {
    expect(trusted.trusts(address)).toBe(expected)
  })

  test.each([
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0',
    'proxy.local',
    '::/129',
    '1.2.3.4/8/9',
    '',
    '1.2.3.4/-1',
    '1.2.3.4/x',
  ])('cannot be read: %j', (entry) => {
    expect(() => parseTrustedProxies([entry])).toThrow(expect.objectContaining({ code: 'invalid' }))
  })

  test('an empty list trusts nobody', () => {
    expect(parseTrustedProxies([]).trusts('127.0.0.1')).toBe(false)
  })
})

describe('the address of the client', () => {
  test.each([
    ['a direct peer', '203.0.113.9', {}, '203.0.113.9'],
    ['a direct peer that claims another', '203.0.113.9', { 'x-forwarded-for': '1.1.1.1' }, '203.0.113.9'],
    ['a proxy that says nothing', '127.0.0.1', {}, '127.0.0.1'],
    ['one proxy', '127.0.0.1', { 'x-forwarded-for': '203.0.113.9' }, '203.0.113.9'],
    ['a mapped proxy', '::ffff:127.0.0.1', { 'x-forwarded-for': '203.0.113.9' }, '203.0.113.9'],
    ['two proxies', '127.0.0.1', { 'x-forwarded-for': '203.0.113.9, 10.0.0.2' }, '203.0.113.9'],
    ['a client that lies to a proxy', '127.0.0.1', { 'x-forwarded-for': '9.9.9.9, 203.0.113.9' }, '203.0.113.9'],
    ['only proxies', '127.0.0.1', { 'x-forwarded-for': '10.0.0.1, 10.0.0.2' }, '10.0.0.1'],
    ['a port', '127.0.0.1', { 'x-forwarded-for': '203.0.113.9:5555' }, '203.0.113.9'],
    ['IPv6 with port', '127.0.0.1', { 'x-forwarded-for': '[2001:db8::1]:5555' }, '2001:db8::1'],
    ['bare IPv6', '127.0.0.1', { 'x-forwarded-for': '2001:db8::1' }, '2001:db8::1'],
    ['junk', '127.0.0.1', { 'x-forwarded-for': 'junk' }, 'unknown'],
    ['Forwarded', '127.0.0.1', { forwarded: 'for=203.0.113.9;proto=https, for="10.0.0.2"' }, '203.0.113.9'],
    ['quoted IPv6', '127.0.0.1', { forwarded: 'For="[2001:db8::1]:4711"' }, '2001:db8::1'],
    ['a hidden client', '127.0.0.1', { forwarded: 'for=_secret' }, 'unknown'],
    ['both kinds', '127.0.0.1', { forwarded: 'for=9.9.9.9', 'x-forwarded-for': '203.0.113.9' }, '203.0.113.9'],
    ['a closed connection', undefined, {}, 'unknown'],
  ])('behind %s', (_case, peer, headers, expected) => {
    expect(clientAddress(request(peer, headers), trusted)).toBe(expected)
  })
})

describe('the base of links', () => {
  const near = '127.0.0.1'
  const far = '203.0.113.9'
  test.each([
    ['Host', far, { host: 'ota.example:8080' }, false, 'http://ota.example:8080'],
    ['Host over TLS', far, { host: 'ota.example' }, true, 'https://ota.example'],
    ['default port', far, { host: 'ota.example:80' }, false, 'http://ota.example'],
    ['default port over TLS', far, { host: 'ota.example:443' }, true, 'https://ota.example'],
    ['the other default port', far, { host: 'ota.example:443' }, false, 'http://ota.example:443'],
    ['no Host', far, {}, false, 'http://127.0.0.1:8080'],
    ['a Host that is none', far, { host: 'a"><script>' }, false, 'http://127.0.0.1:8080'],
    [
      'untrusted words',
      far,
      { host: 'h', 'x-forwarded-host': 'evil', 'x-forwarded-proto': 'https' },
      false,
      'http://h',
    ],
    [
      'X-Forwarded',
      near,
      { host: 'in', 'x-forwarded-host': 'out', 'x-forwarded-proto': 'https' },
      false,
      'https://out',
    ],
    ['only the scheme', near, { host: 'out:443', 'x-forwarded-proto': 'https' }, false, 'https://out'],
    [
      'a port',
      near,
      { 'x-forwarded-host': 'out', 'x-forwarded-port': '8443', 'x-forwarded-proto': 'https' },
      false,
      'https://out:8443',
    ],
    [
      'the nearest proxy',
      near,
      { host: 'in', 'x-forwarded-host': 'a, b', 'x-forwarded-proto': 'http, https' },
      false,
      'https://b',
    ],
    ['a broken forwarded host', near, { host: 'in', 'x-forwarded-host': 'a/b' }, false, 'http://in'],
    ['a broken scheme', near, { host: 'in', 'x-forwarded-proto': 'gopher' }, false, 'http://in'],
    [
      'Forwarded',
      near,
      { host: 'in', forwarded: 'for=1.1.1.1;host="out:8443";proto=HTTPS' },
      false,
      'https://out:8443',
    ],
    ['IPv6', far, { host: '[2001:db8::1]:8080' }, false, 'http://[2001:db8::1]:8080'],
  ])('from %s', (_case, peer, headers, encrypted, expected) => {
    expect(publicBaseUrl(request(peer, headers, encrypted), { trusted })).toBe(expected)
  })

  test('is the configured one, if there is one', () => {
    const config = { trusted, publicUrl: 'https://ota.example/base/' }
    expect(publicBaseUrl(request(near, { host: 'in', 'x-forwarded-host': 'out' }), config)).toBe(
      'https://ota.example/base',
    )
  })
})

test('a request through a proxy can be told, trusted or not', () => {
  expect(isForwarded({ host: 'h' })).toBe(false)
  expect(isForwarded({ forwarded: 'for=x' })).toBe(true)
  expect(isForwarded({ 'x-forwarded-for': '' })).toBe(true)
})
