import { compareRequests } from '../support/compare.ts'
import { asBaseline, assertSameReply, rawReply } from '../support/raw-reply.ts'
import { startServer } from '../support/server-process.ts'
import { baseline, type Setting } from './setting.ts'

/** IoTaaP latest: a new connection for each question, since the contract wants it closed. */
export async function iotaapLatest({ fleet, server, rounds, seconds }: Setting) {
  const path = `/v1/ota/device/latest/${fleet.iotaap.id}`
  const ours = await rawReply(server.url, path)
  const bare = await startServer([baseline('bare-http.mjs')], { BASELINE_REPLY: asBaseline(ours) })
  try {
    assertSameReply(ours, await rawReply(bare.url, path))
    const load = { connections: 32, seconds }
    return await compareRequests({ name: 'IoTaaP latest', ours: server, bare, load, path, rounds, aim: 0.6 })
  } finally {
    await bare.stop()
  }
}
