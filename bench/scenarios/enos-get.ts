import { encryptionOf, type Query, signatureOf } from '../../src/simulator/devices/enos-signing.ts'
import type { FleetFacts } from '../fleet/fleet.ts'
import { requestBytes } from '../support/raw-reply.ts'
import type { Row } from './bench.ts'
import { runContest } from './contest.ts'

const SIGNATURES = 1_000
const REQUEST_ID = /"requestId":"[0-9a-f-]{36}"/

/** EnOS Get Firmware File: every call signed; the baseline computes the same two digests. */
export const enosGet: Row = {
  name: 'enos-get',
  title: 'EnOS signed get, keep-alive',
  isShared: true,
  async run(bench) {
    const { server, fleet } = await bench.shared()
    const accessToken = await obtainToken(server.url, fleet)
    const { appSecret } = fleet.enos
    const query: Query = [
      ['action', 'get'],
      ['orgId', fleet.organisation],
      ['firmwareId', fleet.enos.firmware],
    ]
    const path = `/connect-service/v2.1/ota-firmwares?${query.map((pair) => pair.join('=')).join('&')}`
    const now = Date.now()
    const headers = Array.from({ length: SIGNATURES }, (_, index) => {
      const timestamp = now + index
      return {
        'apim-accesstoken': accessToken,
        'apim-timestamp': String(timestamp),
        'apim-signature': signatureOf({ query }, { accessToken, timestamp, appSecret }),
      }
    })
    const signed = [...query].sort(([a], [b]) => (a < b ? -1 : 1)).map((pair) => pair.join(''))
    return [
      await runContest(bench, {
        what: this.title,
        godwit: server,
        requests: (url) => headers.map((one) => requestBytes(url, path, { headers: one })),
        connections: 64,
        measure: 'requests per CPU second',
        aim: { atLeast: 0.75 },
        baseline: {
          name: 'bare node:http with two SHA-256',
          file: 'bare-signed.mjs',
          env: { BASELINE_SECRET: appSecret, BASELINE_PARAMETERS: signed.join('') },
        },
        mask: (body) => body.replace(REQUEST_ID, ''),
      }),
    ]
  },
}

async function obtainToken(url: string, { enos }: FleetFacts): Promise<string> {
  const timestamp = Date.now()
  const reply = await fetch(`${url}/apim-token-service/v2.0/token/get`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ appKey: enos.appKey, encryption: encryptionOf(enos, timestamp), timestamp }),
  })
  const answer = (await reply.json()) as { data: { accessToken: string } | null; msg: string }
  if (!answer.data) throw new Error(`no EnOS token: ${answer.msg}`)
  return answer.data.accessToken
}
