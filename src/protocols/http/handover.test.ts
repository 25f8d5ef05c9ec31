import { describe, expect, test } from 'vitest'
import type { DownloadPolicy } from './download-policy.ts'
import { Handover } from './handover.ts'
import { planDownload } from './plan-download.ts'
import type { SendPlan } from './send-plan.ts'
import { parseTrustedProxies } from './trusted-proxies.ts'

const policy: DownloadPolicy = {
  validators: () => ({ etag: '"t"' }),
  conditions: ['if-none-match'],
  ranges: 'multi',
  connectionClose: false,
  headers: () => ({ 'repr-digest': 'd' }),
  mayHandOver: true,
}
const artifact = { sha256: 'abcdef', sha1: '', md5: '', size: 1000 }
const options = {
  prefix: '/blobs/',
  trusted: parseTrustedProxies(['10.0.0.1']),
  pathOf: (sha256: string) => `${sha256.slice(0, 2)}/${sha256}`,
  bytesPerSecond: 0,
}

function locationFor(headers: Record<string, string>, given: { policy?: DownloadPolicy; peer?: string } = {}) {
  const { policy: used = policy, peer = '10.0.0.1' } = given
  const plan = planDownload({ method: 'GET', headers, artifact, policy: used }) as SendPlan
  const request = { headers: { 'x-forwarded-for': '1.2.3.4', ...headers }, socket: { remoteAddress: peer } }
  return new Handover(options).locationFor(request as never, { artifact, policy: used, plan })
}

describe('nginx sends', () => {
  test.each([
    ['a whole file', {}],
    ['a part', { range: 'bytes=5-9' }],
    ['the rest', { range: 'bytes=5-' }],
    ['the end', { range: 'bytes=-5' }],
  ])('%s', (_, headers) => {
    expect(locationFor(headers)).toBe('/blobs/ab/abcdef')
  })
})

describe('Godwit sends', () => {
  test.each([
    ['several parts', { range: 'bytes=0-1,5-6' }],
    ['what is whole for Godwit alone', { range: 'bytes=9-1' }],
    ['one of two parts, the other being none', { range: 'bytes=0-1,5000-' }],
    ['under If-None-Match', { 'if-none-match': '"x"' }],
    ['under If-Match, which this protocol does not know', { 'if-match': '"x"' }],
    ['under If-Range', { 'if-range': '"t"', range: 'bytes=0-1' }],
    ['under If-Modified-Since', { 'if-modified-since': 'Fri, 01 Jan 2100 00:00:00 GMT' }],
    ['under If-Unmodified-Since', { 'if-unmodified-since': 'Fri, 01 Jan 2100 00:00:00 GMT' }],
  ])('%s', (_, headers) => {
    expect(locationFor(headers)).toBeUndefined()
  })

  test('what a policy keeps for itself, and a range that it does not know', () => {
    const { mayHandOver, ...silent } = policy
    expect(mayHandOver).toBe(true)
    expect(locationFor({}, { policy: silent })).toBeUndefined()
    expect(locationFor({ range: 'bytes=0-1' }, { policy: { ...policy, ranges: 'none' } })).toBeUndefined()
  })

  test('to whoever is no trusted proxy, or is one that asks for itself', () => {
    expect(locationFor({}, { peer: '10.0.0.2' })).toBeUndefined()
    const plan = planDownload({ method: 'GET', headers: {}, artifact, policy }) as SendPlan
    const own = { headers: {}, socket: { remoteAddress: '10.0.0.1' } }
    expect(new Handover(options).locationFor(own as never, { artifact, policy, plan })).toBeUndefined()
  })
})

test('nginx is told of the file what it cannot know, and its rate', () => {
  const plan = planDownload({ method: 'GET', headers: { range: 'bytes=0-1' }, artifact, policy }) as SendPlan
  const expected = {
    'content-type': 'application/octet-stream',
    etag: '"t"',
    'repr-digest': 'd',
    'x-accel-redirect': '/b',
  }
  expect(new Handover(options).headersFor(plan, '/b')).toEqual(expected)
  const limited = new Handover({ ...options, bytesPerSecond: 1_000.5 })
  expect(limited.headersFor(plan, '/b')).toEqual({ ...expected, 'x-accel-limit-rate': '1001' })
})
