import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { bucketOf } from '../../src/core/rollout/schedule/bucket.ts'

/** What the benchmark knows of a fleet that it made; kept beside it as `fleet.json`. */
export interface FleetFacts {
  readonly devices: number
  readonly organisation: string
  /** Serial of the first of the many devices. */
  readonly firstSerial: number
  readonly rollout: string
  readonly enos: { readonly appKey: string; readonly appSecret: string; readonly firmware: string }
  readonly iotaapBoards: readonly string[]
  readonly bigDevices: readonly string[]
  readonly artifacts: { readonly rollout: string; readonly big: string; readonly bigBytes: number }
}

export const MASTER_KEY = Buffer.alloc(32, 'godwit-bench').toString('base64')
export const OWNER = { email: 'owner@localhost', password: 'bench-password' } as const
export const ORGANISATION = 'acme'
/** Share of the fleet that the rollout's first stage takes; its devices have an update under way. */
export const STAGE_PERCENT = 20

/** Of ten devices that follow each other, which credential each one holds. */
export const SCHEMES = [
  { scheme: 'native', from: 0, to: 7 },
  { scheme: 'spoke-zone', from: 7, to: 8 },
  { scheme: 'iotaap', from: 8, to: 9 },
  { scheme: 'enos', from: 9, to: 10 },
] as const

/** The many devices by number, from 0; the same in SQL (`clone-fleet.ts`). */
export const keyOf = (number: number): string => `panel-${number}`
export const idOf = (number: number): string => `67400001${hex(number)}`
export const updateOf = (number: number): string => `67400002${hex(number)}`
export const tokenOf = (number: number): string => `bench-native-token-${number}`

function hex(number: number): string {
  return number.toString(16).padStart(16, '0')
}

export function readFleet(folder: string): FleetFacts {
  return JSON.parse(readFileSync(join(folder, 'fleet.json'), 'utf8')) as FleetFacts
}

/** Native devices that wait for a later stage of the rollout: there is nothing for them to do. */
export function* waitingDevices(fleet: FleetFacts): Generator<number> {
  for (const number of nativeDevices(fleet)) if (!isInStage(fleet, number)) yield number
}

/** Native devices of the first stage: each has an update under way. */
export function* updatingNumbers(fleet: FleetFacts): Generator<number> {
  for (const number of nativeDevices(fleet)) if (isInStage(fleet, number)) yield number
}

export function isInStage(fleet: Pick<FleetFacts, 'rollout'>, number: number): boolean {
  return bucketOf(fleet.rollout, idOf(number)) < STAGE_PERCENT / 100
}

function* nativeDevices(fleet: FleetFacts): Generator<number> {
  for (let number = 0; number < fleet.devices; number++) if (number % 10 < SCHEMES[0].to) yield number
}
