import { describe, expect, it } from 'vitest'
import { deviceSignOf, encryptionOf, sameDigest, signatureOf } from './digests.ts'
import { parseRawQuery } from './raw-query.ts'

const T = '1700000000000'

function parametersOf(query: string): ReadonlyMap<string, string> {
  const parsed = parseRawQuery(`/p?${query}`)
  return parsed.kind === 'query' ? parsed.parameters : new Map()
}

describe('digests of the contract', () => {
  it.each([
    ['ak1', 'sk1', '2dc28bfa5f6db98e65588b526d1fe0ba1faea875ce1bab50aca44da40f902168'],
    [
      '11111111-2222-4333-8444-555555555555',
      'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee',
      '8b7ad6f66721eb4604429c005c6ecd64703651531631b8f64dafb0a28b998592',
    ],
  ])('encryption of %s', (appKey, appSecret, digest) => {
    expect(encryptionOf(appKey, T, appSecret)).toBe(digest)
  })

  it.each([
    [
      'GET',
      'action=get&orgId=yourOrgId&firmwareId=yourFirmwareId',
      undefined,
      '93281c4087bdbaa3e277d194ada39a528e70eabd2426e11f242bbd2397be2343',
    ],
    [
      'encoded values',
      'orgId=o%201&action=listVersion&productKey=a%2Bb',
      undefined,
      'd179580d8b2fdb5e107706e201110ea5a1937ea6ac800b65680e28f086e6cba4',
    ],
    [
      'multipart',
      'action=create&orgId=yourOrgId&productKey=pk1',
      undefined,
      '98ccad7856c95d77f258053f207e16ab998978672fb5be09bdc72526ec0d2bbf',
    ],
    [
      'body {}',
      'action=start&orgId=yourOrgId&jobId=j1',
      '{}',
      '8b39bfde5829ca3f79edeb0cd440cafc0f977b019c535b719d0c88eff990bb31',
    ],
    [
      'no body',
      'action=start&orgId=yourOrgId&jobId=j1',
      '',
      '583db1a078dc44f36483316b71c9b35e520c293fda465a0dfff611f0f053899f',
    ],
  ])('signature, %s', (_name, query, body, digest) => {
    const call = { accessToken: 'tok1', parameters: parametersOf(query), timestamp: T, appSecret: 'sk1' }
    expect(signatureOf({ ...call, ...(body !== undefined && { body: Buffer.from(body) }) })).toBe(digest)
  })

  it("signature, the vendor's own POST", () => {
    const digest = signatureOf({
      accessToken: 'xxxxaaaxxxx',
      parameters: parametersOf('k3=v3&k1=v1&k2=v2'),
      body: Buffer.from('{\n  "count": 20,\n  "page": 1,\n  "desc": "描述"\n}'),
      timestamp: '1572574909697',
      appSecret: 'xxxappSecretxxx',
    })
    expect(digest).toBe('59828328f6c1f9771015dc74e4929ae30f518a35a3d2353972c2ea46556fc981')
  })

  it.each([
    ['300000', '35611fa487ddeaf00a3d692940e1f07ad9ebdbe468f5d9c519ddced51105386e'],
    ['30000', 'b325d3cec2447585d79f02196ff8eea16b13349bb26ba897f073ae7b0260574a'],
  ])('sign of a device with lifetime %s', (lifetime, digest) => {
    expect(deviceSignOf({ productKey: 'pk1', deviceKey: 'dk1', lifetime, secret: 's3cr3t' })).toBe(digest)
  })

  it('compares digests and nothing else', () => {
    const digest = encryptionOf('a', T, 'b')
    expect(sameDigest(digest, digest)).toBe(true)
    expect(sameDigest(digest, encryptionOf('a', T, 'c'))).toBe(false)
    for (const none of ['', 'x', `${digest}0`, digest.slice(1)]) expect(sameDigest(none, none)).toBe(false)
  })
})
