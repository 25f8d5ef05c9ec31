import { setTimeout as sleep } from 'node:timers/promises'
import { isOtaError } from '../../src/core/errors.ts'
import type { Storage } from '../../src/core/ports.ts'
import { type SeededRandom, seededRandom } from '../../src/simulator/seeded-random.ts'
import { expectCounted, type Recounting } from './recount.ts'
import { RolloutFleet } from './rollout-fleet.ts'

/** Names the order in which racers start; `GODWIT_RACE_SEED` repeats a run that failed. Shown in the names of tests. */
export const RACE_SEED = process.env['GODWIT_RACE_SEED'] ?? String(Date.now() % 1_000_000)

const ROUNDS = Number(process.env['GODWIT_RACE_ROUNDS'] ?? 3)

/** Racers start within so many milliseconds of each other. */
const WITHIN_MS = 4

/** One round of a race: a fleet of its own, and a way to let everybody go at once. */
export interface Race {
  readonly fleet: RolloutFleet
  readonly random: SeededRandom
  readonly round: number
  /** Starts all in a random order and waits for all, even when one throws. */
  atOnce<T>(racers: ReadonlyArray<() => Promise<T>>): Promise<T[]>
  /** Afterwards: see `expectCounted`. */
  counted(keys?: readonly string[], recounting?: Recounting): Promise<void>
}

let fleets = 0

/** A test of several rounds over the storage of a suite. */
export function races(storage: () => Storage) {
  return (work: (race: Race) => Promise<void>) => async (): Promise<void> => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const random = seededRandom(`${RACE_SEED}/${round}`)
      const fleet = await RolloutFleet.open({ storage: storage(), key: `race-${fleets++}` })
      await work({
        fleet,
        random,
        round,
        atOnce: (racers) => atOnce(random, racers),
        counted: async (keys = ['spring'], recounting = {}) => {
          for (const key of keys) await expectCounted(storage().read, await fleet.rollout(key), recounting)
        },
      })
    }
  }
}

async function atOnce<T>(random: SeededRandom, racers: ReadonlyArray<() => Promise<T>>): Promise<T[]> {
  const waits = racers.map(() => random.integer(WITHIN_MS + 1))
  const results = await Promise.allSettled(
    racers.map(async (racer, index) => {
      const wait = waits[index] ?? 0
      if (wait > 0) await sleep(wait - 1)
      return racer()
    }),
  )
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason
    return result.value
  })
}

/** The code of a refusal by a rule; undefined when there was none. Faults of the server or of its database pass. */
export async function refusal(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work
    return undefined
  } catch (error) {
    if (!isOtaError(error) || error.code === 'storage-failed' || error.code === 'internal') throw error
    return error.code
  }
}
