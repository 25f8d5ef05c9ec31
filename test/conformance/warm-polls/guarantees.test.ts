import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { comparable, PollFleet, PROTOCOLS, requestOf } from './poll-fleet.ts'
import { askOnce, Wire } from './wire.ts'

describe('what holds for a poll that takes the short way', () => {
  let fleet: PollFleet

  beforeEach(async () => {
    fleet = await PollFleet.open({ native: { callsPerMinute: 10 } })
  })
  afterEach(() => fleet.server.close())

  const ask = (protocol: (typeof PROTOCOLS)[number], isLong = false) =>
    askOnce(fleet.port, requestOf(fleet.polls[protocol], { isLong }))

  test.each(PROTOCOLS)('%s: it is counted as any other, and as one that took the short way', async (protocol) => {
    for (let time = 0; time < 3; time++) await ask(protocol)
    const series = [
      `godwit_http_requests_total{protocol="${protocol}",status="200"}`,
      `godwit_http_request_seconds_count{protocol="${protocol}"}`,
      `godwit_http_short_answers_total{protocol="${protocol}"}`,
    ]
    const before = await Promise.all(series.map((one) => fleet.metric(one)))
    for (let time = 0; time < 5; time++) await ask(protocol)
    const after = await Promise.all(series.map((one) => fleet.metric(one)))
    expect(after.map((count, index) => count - (before[index] ?? 0))).toEqual([5, 5, 5])
    // The one that asks.
    expect(await fleet.metric('godwit_http_in_flight')).toBe(1)
  })

  test.each(['native', 'spoke-zone', 'iotaap'] as const)('%s: it is a sign of life', async (protocol) => {
    for (let time = 0; time < 3; time++) await ask(protocol)
    const { clock, core } = fleet.server
    clock.advance(120_000)
    const short = await fleet.short(protocol)
    await ask(protocol)
    expect(await fleet.short(protocol)).toBe(short + 1)
    await core.lastSeen.flush()
    expect((await fleet.device(protocol)).lastSeenAt).toBe(clock.now())
  })

  test('native: a device that asks too often is told so, whichever way its calls take', async () => {
    const answers: string[] = []
    for (let time = 0; time < 14; time++) answers.push(await ask('native', time % 4 === 3))
    expect(answers.map((one) => Number(one.slice(9, 12)))).toEqual([...Array(10).fill(200), ...Array(4).fill(429)])
    expect(answers[10]).toContain('\r\nretry-after: 60\r\n')
    fleet.server.clock.advance(60_000)
    expect(await ask('native')).toBe(answers[0])
  })

  test.each(PROTOCOLS)('%s: while the server stops its answer ends the connection', async (protocol) => {
    const before = comparable(await ask(protocol))
    await ask(protocol)
    const wire = await Wire.open(fleet.port)
    // Half a head: the connection is at work, so that the server waits for it.
    const request = requestOf(fleet.polls[protocol])
    wire.write(request.slice(0, 10))
    await askOnce(fleet.port, 'GET /healthz HTTP/1.1\r\nhost: godwit\r\n\r\n')
    const drained = fleet.server.drain.drain(10_000)
    wire.write(request.slice(10))
    const answer = comparable(await wire.next())
    expect(answer).toMatch(/\r\nconnection: close\r\n/i)
    expect(bodyOf(answer)).toBe(bodyOf(before))
    await wire.end()
    expect(await drained).toEqual({ finished: true })
  })
})

function bodyOf(answer: string): string {
  return answer.slice(answer.indexOf('\r\n\r\n'))
}
