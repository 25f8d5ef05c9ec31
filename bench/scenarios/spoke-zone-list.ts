import { compareRequests } from '../support/compare.ts'
import { asBaseline, assertSameReply, rawReply } from '../support/raw-reply.ts'
import { BENCH_PASSWORD } from '../support/seed.ts'
import { startServer } from '../support/server-process.ts'
import { baseline, type Setting } from './setting.ts'

/** Spoke.Zone's filtered list over kept-alive connections. */
export async function spokeZoneList({ fleet, server, rounds, seconds }: Setting) {
  const path = '/api/v2/ota-files?module=display-app&isActive=1'
  const headers = { 'x-access-token': await deviceToken(server.url, fleet.display.key) }
  const ours = await rawReply(server.url, path, headers)
  const bare = await startServer([baseline('bare-http.mjs')], { BASELINE_REPLY: asBaseline(ours) })
  try {
    assertSameReply(ours, await rawReply(bare.url, path, headers))
    const load = { connections: 32, seconds, headers }
    return await compareRequests({ name: 'Spoke.Zone filtered list', ours: server, bare, load, path, rounds, aim: 0.6 })
  } finally {
    await bare.stop()
  }
}

async function deviceToken(url: string, device: string): Promise<string> {
  const api = `${url}/api/godwit/v1`
  const login = await fetch(`${api}/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: 'owner@localhost', password: BENCH_PASSWORD }),
  })
  const { token } = (await login.json()) as { token: string }
  const headers = { authorization: `Bearer ${token}`, 'godwit-organisation': 'acme' }
  const issued = await fetch(`${api}/devices/${device}/token?protocol=spoke-zone`, { method: 'POST', headers })
  return ((await issued.json()) as { token: string }).token
}
