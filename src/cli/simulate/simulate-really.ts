import { systemClock } from '../../simulator/clock.ts'
import type { DeviceEvent } from '../../simulator/device.ts'
import { pollFleet } from '../../simulator/poll-fleet.ts'
import { seededRandom } from '../../simulator/seeded-random.ts'
import { Fates } from '../../simulator/virtual/fate.ts'
import { fleetKinds, TARGET_VERSION } from '../../simulator/virtual/fleet-kinds.ts'
import type { ApiClient } from '../client/api-client.ts'
import { at, type JsonObject, objectsAt, textAt } from '../client/json.ts'
import { note, printJson, printLines } from '../output/print.ts'
import { startProgress } from '../output/progress.ts'
import { factLines } from '../output/table.ts'
import { exportJson } from './export-results.ts'
import { connectFleet, makeFleet, type RealFleet } from './real-fleet.ts'
import type { Simulation } from './simulate-options.ts'
import { watchRollout } from './watch-rollout.ts'

export interface RealWanted {
  readonly json: boolean
  /** A file. */
  readonly exportTo: string | undefined
  /** Devices that talk to the server at one time. */
  readonly concurrency: number
  /** Minutes after which to give up. */
  readonly minutes: number
}

/** T where none was given: nobody waits an hour for a simulation. */
const CONFIRM_SECONDS = 60
const POLL_SECONDS = 10
const INFER_SECONDS = 75

/** The same in real time: devices on sockets, answered by a running server. What was made there stays there. */
export async function simulateReally(api: ApiClient, simulation: Simulation, wanted: RealWanted): Promise<void> {
  const { mix, words } = simulation
  const registering = startProgress('Registering', mix.devices, 'devices')
  const fates = new Fates(simulation.seeds[0] ?? 1, simulation.failures)
  const making = { kinds: fleetKinds(mix), fates, onDevices: registering.add }
  const fleet = await makeFleet(api, making).finally(() => registering.stop())
  const begunAt = performance.now()
  const { rollout, answered } = await rollOut(api, fleet, simulation, wanted)
  const result = {
    rollout: fleet.key,
    devices: mix.devices,
    /** By the server's counters, and by the devices that were told. */
    reached: at(rollout, 'devices'),
    answered,
    state: rollout['state'],
    seconds: Math.round((performance.now() - begunAt) / 100) / 10,
    why: at(rollout, 'stop.words') ?? null,
    excluded: objectsAt(rollout, 'progress.cohorts')
      .filter((cohort) => cohort['isExcluded'] === true)
      .map((cohort) => textAt(cohort, 'words')),
    outcomes: rollout['outcomes'],
  }
  if (wanted.exportTo !== undefined) await exportJson(wanted.exportTo, { words, ...result })
  if (wanted.json) printJson({ words, ...result })
  else printLines([words, '', ...factLines(result)])
}

async function rollOut(
  api: ApiClient,
  fleet: RealFleet,
  { choice, seeds, mix, pollSeconds = POLL_SECONDS }: Simulation,
  { concurrency, minutes }: RealWanted,
): Promise<{ rollout: JsonObject; answered: number }> {
  const told = new Set<string>()
  const onEvent = ({ device, phase }: DeviceEvent): void => {
    if (phase === 'offered' || phase === 'downloading') told.add(device)
  }
  const devices = await connectFleet(api, fleet, onEvent)
  const health = { confirmSeconds: CONFIRM_SECONDS, ...choice.health }
  const what = { key: fleet.key, product: fleet.key, version: TARGET_VERSION }
  await api.create('/rollouts', { body: { ...what, ...choice, health, start: true } })
  note(`Rollout ${fleet.key} has begun.`)
  const over = new AbortController()
  // Success that is inferred from silence takes a minute.
  const quietSeconds = Math.max(2 * health.confirmSeconds, mix.protocols?.iotaap ? INFER_SECONDS : 0) + 5 * pollSeconds
  const watching = watchRollout(api, fleet.key, { over, total: mix.devices, quietSeconds, limitSeconds: minutes * 60 })
  const random = seededRandom(seeds[0] ?? 1)
  const polling = pollFleet(devices, {
    clock: systemClock,
    random,
    pollSeconds,
    concurrency,
    signal: over.signal,
    isDone: (_, { kind }) => kind === 'up-to-date',
  })
  const [rollout] = await Promise.all([watching, polling]).finally(() => over.abort())
  return { rollout, answered: told.size }
}
