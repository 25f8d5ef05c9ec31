import { setTimeout as pause } from 'node:timers/promises'
import { type ApiClient, segment } from '../client/api-client.ts'
import { at, type JsonObject } from '../client/json.ts'
import { startProgress } from '../output/progress.ts'

export interface Watch {
  /** Aborted when the rollout is over; whoever aborts it ends the watch. */
  readonly over: AbortController
  /** Devices of the fleet. */
  readonly total: number
  /** After so long without any change nothing will come any more. */
  readonly quietSeconds: number
  /** Seconds after which to give up. */
  readonly limitSeconds: number
}

/** Between two looks. */
const LOOK_MS = 1_000

/** Watches a rollout until it stops, nothing changes any more, or the time is over. Answers how it stood at the end. */
export async function watchRollout(api: ApiClient, key: string, watch: Watch): Promise<JsonObject> {
  const progress = startProgress('Rolling out', watch.total, 'devices')
  const begunAt = performance.now()
  let [changedAt, known, granted] = [begunAt, '', 0]
  try {
    for (;;) {
      const rollout = await api.get(`/rollouts/${segment(key)}`)
      const devices = Number(at(rollout, 'devices') ?? 0)
      progress.add(devices - granted)
      granted = devices
      const standing = JSON.stringify([rollout['state'], rollout['outcomes'], at(rollout, 'progress.stages')])
      if (standing !== known) changedAt = performance.now()
      known = standing
      const isQuiet = performance.now() - changedAt > watch.quietSeconds * 1000
      const isLate = performance.now() - begunAt > watch.limitSeconds * 1000
      if (rollout['state'] !== 'running' || isQuiet || isLate || watch.over.signal.aborted) return rollout
      await pause(LOOK_MS)
    }
  } finally {
    progress.stop()
    watch.over.abort()
  }
}
