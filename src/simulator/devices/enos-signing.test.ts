import { describe, expect, it } from 'vitest'
import { encryptionOf, httpAuthSign, mqttPassword, type Query, signatureOf } from './enos-signing.ts'

const T = 1_700_000_000_000
const DEVICE = { deviceKey: 'dk1', productKey: 'pk1', secret: 's3cr3t' }

describe('test vectors of the contract', () => {
  it.each([
    ['ak1', 'sk1', '2dc28bfa5f6db98e65588b526d1fe0ba1faea875ce1bab50aca44da40f902168'],
    [
      '11111111-2222-4333-8444-555555555555',
      'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee',
      '8b7ad6f66721eb4604429c005c6ecd64703651531631b8f64dafb0a28b998592',
    ],
  ])('[enos 2.4] encryption of %s', (appKey, appSecret, expected) => {
    expect(encryptionOf({ appKey, appSecret }, T)).toBe(expected)
    expect(encryptionOf({ appKey, appSecret }, String(T))).toBe(expected)
  })

  it('[enos 2.4] signature of the vendor’s own POST', () => {
    const body = Buffer.from('{\n  "count": 20,\n  "page": 1,\n  "desc": "描述"\n}')
    const query: Query = [
      ['k3', 'v3'],
      ['k1', 'v1'],
      ['k2', 'v2'],
    ]
    const key = { accessToken: 'xxxxaaaxxxx', timestamp: 1_572_574_909_697, appSecret: 'xxxappSecretxxx' }
    expect(signatureOf({ query, body }, key)).toBe('59828328f6c1f9771015dc74e4929ae30f518a35a3d2353972c2ea46556fc981')
  })

  const start: Query = [
    ['action', 'start'],
    ['orgId', 'yourOrgId'],
    ['jobId', 'j1'],
  ]
  it.each<[string, Query, string | undefined, string]>([
    [
      'GET',
      [
        ['action', 'get'],
        ['orgId', 'yourOrgId'],
        ['firmwareId', 'yourFirmwareId'],
      ],
      undefined,
      '93281c4087bdbaa3e277d194ada39a528e70eabd2426e11f242bbd2397be2343',
    ],
    [
      'encoded values',
      [
        ['orgId', 'o 1'],
        ['action', 'listVersion'],
        ['productKey', 'a+b'],
      ],
      undefined,
      'd179580d8b2fdb5e107706e201110ea5a1937ea6ac800b65680e28f086e6cba4',
    ],
    [
      'multipart',
      [
        ['action', 'create'],
        ['orgId', 'yourOrgId'],
        ['productKey', 'pk1'],
      ],
      undefined,
      '98ccad7856c95d77f258053f207e16ab998978672fb5be09bdc72526ec0d2bbf',
    ],
    ['body {}', start, '{}', '8b39bfde5829ca3f79edeb0cd440cafc0f977b019c535b719d0c88eff990bb31'],
    ['no body', start, undefined, '583db1a078dc44f36483316b71c9b35e520c293fda465a0dfff611f0f053899f'],
  ])('[enos 2.4] signature, %s', (_what, query, body, expected) => {
    const call = body === undefined ? { query } : { query, body: Buffer.from(body) }
    expect(signatureOf(call, { accessToken: 'tok1', timestamp: T, appSecret: 'sk1' })).toBe(expected)
  })

  it.each([
    [300_000, '35611fa487ddeaf00a3d692940e1f07ad9ebdbe468f5d9c519ddced51105386e'],
    [30_000, 'b325d3cec2447585d79f02196ff8eea16b13349bb26ba897f073ae7b0260574a'],
  ])('[enos 6] sign of an authentication for %i ms', (lifetime, expected) => {
    expect(httpAuthSign(DEVICE, lifetime)).toBe(expected)
  })

  it.each([
    ['c1', '1700000000000', '403e6e3a4a4761bec5b33191dd6ad2982741b95e5c8ca3dd4e7b61b14a600e57'],
    [
      'dk1{ip=10.0.0.5,version=2.2.16,compress=DEFAULT}',
      '1700000000000',
      '72907785bed766a0f0b2db68b51674edd1de2962471409e455649d2982a3a7c5',
    ],
    ['dk1', '1700000000000.1235', '904cc86d157cbf3437e537938ad88219b6a1ce9889b63d896582fe867ba7c108'],
  ])('[enos 5.1] password of client %s', (clientId, timestamp, expected) => {
    expect(mqttPassword(DEVICE, clientId, timestamp)).toBe(expected)
  })
})
