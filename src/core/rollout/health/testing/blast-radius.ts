import { exponential, seededRandom } from '../../../seeded-random.ts'
import { EarlyFailures } from './early-failures.ts'

/** Devices that are alike: of one hardware, from one version, failing with one probability. */
export interface DeviceKind {
  readonly devices: number
  readonly failureRate: number
  readonly hardwareRevision: string
  readonly fromVersion: string
}

/** What a gate under test sees and decides; kinds are indices into the fleet. Asked at every moment of the run. */
export interface Gate {
  mayGrant(kind: number): boolean
  granted(kind: number): void
  failedEarly(kind: number): void
  settled(kind: number, outcome: Outcome): void
  isStopped(): boolean
}

export type Outcome = 'good' | 'failed-early' | 'silent'

export interface Run {
  readonly seed: number
  readonly kinds: readonly DeviceKind[]
  /** Whether devices that fail say so, after 1 minute and an exponential delay of 5 minutes in the mean, or fall silent. */
  readonly failures: 'reported' | 'silent'
  /** T in seconds. */
  readonly confirmSeconds: number
  /** Mean time between two polls of a device, in seconds; default 600. Polls of a device come at random. */
  readonly pollSeconds?: number
  /** Virtual time at which to give up; default 72 hours. */
  readonly hours?: number
}

export interface Result {
  readonly stopped: boolean
  /** Devices that were answered with the release, in all and by kind. */
  readonly reached: number
  readonly reachedByKind: readonly number[]
  /** Virtual hours until the stop, or until nothing was left to happen. */
  readonly hours: number
  /** Virtual hours until 95 % of the fleet had settled; infinite if never. */
  readonly hoursTo95: number
}

const GOOD = 0
const EARLY = 1
const SILENT = 2

/**
 * Runs a release through a fleet in virtual time, event by event, in O(n) for n devices and O(f log f) for f early
 * failures: as devices poll at random moments, the next poll by any device that may be granted the release is
 * exponentially distributed, so polls without effect need not happen. The n-th granted device of a seed has the same
 * luck whatever the gate.
 */
export function blastRadius(run: Run, gate: Gate): Result {
  const { kinds, confirmSeconds, pollSeconds = 600, hours = 72 } = run
  const polls = seededRandom(run.seed)
  const luck = seededRandom(run.seed ^ 0x5bd1e995)
  const waiting = kinds.map((kind) => kind.devices)
  const devices = waiting.reduce((sum, count) => sum + count, 0)
  const grantedAt = new Float64Array(devices)
  const kindOf = new Uint8Array(devices)
  const outcome = new Uint8Array(devices)
  const early = new EarlyFailures()
  const mostly = Math.ceil(0.95 * devices)
  let [now, granted, settled, hoursTo95] = [0, 0, 0, Number.POSITIVE_INFINITY]

  const ready = (): number => {
    let count = 0
    for (let kind = 0; kind < kinds.length; kind++) if (gate.mayGrant(kind)) count += waiting[kind] ?? 0
    return count
  }
  /** The kind of the poll that comes next, among `count` devices that may be granted. */
  const pick = (count: number): number => {
    let place = Math.floor(polls() * count)
    for (let kind = 0; kind < kinds.length; kind++) {
      if (!gate.mayGrant(kind)) continue
      place -= waiting[kind] ?? 0
      if (place < 0) return kind
    }
    return kinds.length - 1
  }
  const grant = (kind: number): void => {
    grantedAt[granted] = now
    kindOf[granted] = kind
    waiting[kind] = (waiting[kind] ?? 0) - 1
    const fails = luck() < (kinds[kind]?.failureRate ?? 0)
    const delay = 60 + exponential(luck, 300)
    const tells = fails && run.failures === 'reported' && delay < confirmSeconds
    outcome[granted] = tells ? EARLY : fails ? SILENT : GOOD
    if (tells) early.add({ at: now + delay, grant: granted })
    granted++
    gate.granted(kind)
  }
  const settle = (): void => {
    const kind = kindOf[settled] ?? 0
    const code = outcome[settled]
    settled++
    if (settled === mostly) hoursTo95 = now / 3600
    gate.settled(kind, code === EARLY ? 'failed-early' : code === SILENT ? 'silent' : 'good')
  }

  while (!gate.isStopped()) {
    const settles = settled < granted ? (grantedAt[settled] ?? 0) + confirmSeconds : Number.POSITIVE_INFINITY
    const next = Math.min(settles, early.nextAt())
    const count = ready()
    const poll = count === 0 ? Number.POSITIVE_INFINITY : now + exponential(polls, pollSeconds / count)
    const at = Math.min(poll, next)
    if (at > hours * 3600) break
    now = at
    if (poll <= next) grant(pick(count))
    else if (settles < early.nextAt()) settle()
    else gate.failedEarly(kindOf[early.take()?.grant ?? 0] ?? 0)
  }
  return {
    stopped: gate.isStopped(),
    reached: granted,
    reachedByKind: kinds.map((kind, index) => kind.devices - (waiting[index] ?? 0)),
    hours: now / 3600,
    hoursTo95,
  }
}
