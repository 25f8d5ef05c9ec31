import { type FleetFacts, keyOf } from '../fleet/fleet.ts'
import { login } from '../support/godwit.ts'
import { requestBytes } from '../support/raw-reply.ts'
import type { Row } from './bench.ts'
import { runContest } from './contest.ts'

const DEVICES = 100
const PATH = '/api/v2/ota-files?module=display-app&isActive=1'

/** Spoke.Zone's list with a filter that leaves one file. */
export const spokeZoneList: Row = {
  name: 'spoke-zone-list',
  title: 'Spoke.Zone filtered list of one file, keep-alive',
  isShared: true,
  async run(bench) {
    const { server, fleet } = await bench.shared()
    const tokens = await deviceTokens(server.url, fleet)
    const requests = (url: string) =>
      tokens.map((token) => requestBytes(url, PATH, { headers: { 'x-access-token': token } }))
    const contest = { what: this.title, godwit: server, requests, connections: 64 } as const
    return [await runContest(bench, { ...contest, measure: 'requests per CPU second', aim: { atLeast: 0.75 } })]
  },
}

async function deviceTokens(url: string, fleet: FleetFacts): Promise<string[]> {
  const headers = await login(url)
  const tokens: string[] = []
  for (let number = 7; number < fleet.devices && tokens.length < DEVICES; number += 10) {
    const path = `/api/godwit/v1/devices/${keyOf(number)}/token?protocol=spoke-zone`
    const reply = await fetch(url + path, { method: 'POST', headers })
    if (!reply.ok) throw new Error(`${path}: ${reply.status} ${await reply.text()}`)
    tokens.push(((await reply.json()) as { token: string }).token)
  }
  return tokens
}
