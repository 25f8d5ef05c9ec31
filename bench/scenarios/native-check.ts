import { type FleetFacts, tokenOf, waitingDevices } from '../fleet/fleet.ts'
import { requestBytes } from '../support/raw-reply.ts'
import type { Row } from './bench.ts'
import { runContest } from './contest.ts'

/** As many that none of them asks more often in a minute than one device may. */
const ASKING = 20_000

/** A check of a device that waits for a later stage of an active rollout: nothing to do, nothing to write. */
export function checkRequests(
  fleet: FleetFacts,
  options: { readonly count?: number; readonly close?: boolean } = {},
): (url: string) => Buffer[] {
  const { count = ASKING, close = false } = options
  const devices = [...waitingDevices(fleet).take(count)]
  return (url) =>
    devices.map((number) =>
      requestBytes(url, '/device/v1/check', {
        headers: { authorization: `Bearer ${tokenOf(number)}` },
        json: { running: { 'display-app': '1.0.0' } },
        close,
      }),
    )
}

export const nativeCheck: Row = {
  name: 'native-check',
  title: 'native check, keep-alive',
  isShared: true,
  async run(bench) {
    const { server, fleet } = await bench.shared()
    const contest = { what: this.title, godwit: server, requests: checkRequests(fleet), connections: 64 } as const
    return [await runContest(bench, { ...contest, measure: 'requests per CPU second', aim: { atLeast: 0.75 } })]
  },
}

export const nativeCheckNew: Row = {
  name: 'native-check-new',
  title: 'native check, a new connection each',
  isShared: true,
  async run(bench) {
    const { server, fleet } = await bench.shared()
    return [
      await runContest(bench, {
        what: this.title,
        godwit: server,
        requests: checkRequests(fleet, { close: true }),
        connections: 32,
        newConnections: true,
        measure: 'requests per CPU second',
        aim: { atLeast: 0.9 },
      }),
    ]
  },
}

export const latency512: Row = {
  name: 'latency-512',
  title: 'native check at 512 connections',
  isShared: true,
  async run(bench) {
    const { server, fleet } = await bench.shared()
    const contest = { what: this.title, godwit: server, requests: checkRequests(fleet), connections: 512 } as const
    return [await runContest(bench, { ...contest, measure: 'p99 ms', aim: { atMost: 1.5 } })]
  },
}
