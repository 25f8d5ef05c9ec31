import { requestBytes } from '../support/raw-reply.ts'
import type { Row } from './bench.ts'
import { runContest } from './contest.ts'

/** IoTaaP latest: a new connection for each question, since the contract has the server close it. */
export const iotaapLatest: Row = {
  name: 'iotaap-latest',
  title: 'IoTaaP latest, a new connection each',
  isShared: true,
  async run(bench) {
    const { server, fleet } = await bench.shared()
    const requests = (url: string) => fleet.iotaapBoards.map((id) => requestBytes(url, `/v1/ota/device/latest/${id}`))
    const contest = { what: this.title, godwit: server, requests, connections: 32, newConnections: true } as const
    return [await runContest(bench, { ...contest, measure: 'requests per CPU second', aim: { atLeast: 0.9 } })]
  },
}
