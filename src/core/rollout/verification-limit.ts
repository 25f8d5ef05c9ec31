import type { Id, Serial } from '../common.ts'
import { invalid, OtaError } from '../errors.ts'
import type { Filter } from '../filter/filter.ts'
import type { Stores } from '../ports.ts'
import type { Release } from '../release/release.ts'
import type { Rollout, Selection, Stage } from './rollout.ts'
import { type StageInput, stagesFrom } from './stage-input.ts'

/** Rollouts and members read at once. */
const PAGE = 500

/** The ids of devices, where a selection names them: it can never mean more than these. */
export function namedIds(filter: Filter): readonly Id[] | undefined {
  if (filter.kind === 'one-of' && filter.field === 'id') return filter.values
  if (filter.kind !== 'all') return undefined
  const lists = filter.of.flatMap((one) => namedIds(one) ?? [])
  return filter.of.some(namedIds) ? lists : undefined
}

/** Who tries a release. */
export interface Trying {
  /** Devices that verifications of it were granted to, or name. */
  readonly devices: Set<Serial>
  /** Devices that verifications which name none, and may still grant, have room for besides. */
  readonly reserved: number
}

/** Holds the firmware of a release until the end of the transaction, as whoever counts its verifications does. */
export async function lockFirmware(stores: Stores, release: Release): Promise<void> {
  for (const serial of release.firmware.toSorted((a, b) => a - b)) await stores.firmware.lock(serial)
}

/**
 * Counts who tries a release, of all its verifications but `except`, inside a transaction. Others that count wait for its
 * end, so that no two take the same room.
 */
export async function devicesInVerification(stores: Stores, release: Release, except?: Serial): Promise<Trying> {
  await lockFirmware(stores, release)
  const { organisation } = release
  const filter = { organisation, release: release.serial, kind: 'verification' } as const
  const devices = new Set<Serial>()
  let reserved = 0
  for (let after = 0; ; ) {
    const rollouts = await stores.rollouts.list(filter, { limit: PAGE, after })
    for (const rollout of rollouts) {
      if (rollout.serial === except) continue
      const its = await devicesOf(stores, rollout)
      for (const device of its) devices.add(device)
      if (rollout.state !== 'stopped' && rollout.state !== 'finished') reserved += unused(rollout, its.length)
    }
    after = rollouts.at(-1)?.serial ?? after
    if (rollouts.length < PAGE) return { devices, reserved }
  }
}

/** Devices that a verification which names none may still take. */
function unused({ selection, stages }: Pick<Rollout, 'selection' | 'stages'>, taken: number): number {
  const reach = stages[0]?.reach
  return namedIds(selection.filter) || reach?.kind !== 'count' ? 0 : Math.max(0, reach.count - taken)
}

/** Throws `limit-reached` when a stopped verification could not go on without more devices than its firmware allows. */
export async function requireRoomToVerify(stores: Stores, rollout: Rollout): Promise<void> {
  const release = rollout.kind === 'verification' ? await stores.releases.find(rollout.release) : undefined
  const most = release && (await mostDevices(stores, release))
  if (most === undefined || !release) return
  const { devices, reserved } = await devicesInVerification(stores, release)
  const mine = unused(rollout, (await devicesOf(stores, rollout)).length)
  if (mine > 0 && devices.size + reserved + mine > most) throw tooMany(most, devices.size + reserved)
}

function tooMany(most: number, taken: number): OtaError {
  return new OtaError('limit-reached', `At most ${most} devices may try it, and ${taken} are taken.`)
}

async function devicesOf(stores: Stores, { organisation, serial, selection }: Rollout): Promise<Serial[]> {
  const ids = namedIds(selection.filter)
  if (ids) return serialsOf(stores, organisation, ids)
  const devices: Serial[] = []
  for (let after = 0; ; ) {
    const members = await stores.rolloutMembers.list({ rollout: serial }, { limit: PAGE, after })
    devices.push(...members.flatMap(({ device, grantedAt }) => (grantedAt === null ? [] : [device])))
    after = members.at(-1)?.serial ?? after
    if (members.length < PAGE) return devices
  }
}

async function serialsOf(stores: Stores, organisation: Serial, ids: readonly Id[]): Promise<Serial[]> {
  return (await stores.devices.listNamed({ organisation, keys: [], ids, serials: [] })).map(({ serial }) => serial)
}

/**
 * The stages of a verification: it tries at most as many devices as its firmware allows, over all of its verifications.
 * Devices that it names may have been tried before; else it has one stage of a count. Throws `limit-reached` or `invalid`.
 */
export async function verificationStages(
  stores: Stores,
  of: {
    readonly stages: readonly StageInput[] | undefined
    readonly selection: Selection
    readonly release: Release
    /** One whose stages these are to be. */
    readonly except?: Serial
  },
): Promise<Stage[]> {
  const { stages, selection, release, except } = of
  const most = await mostDevices(stores, release)
  const named = namedIds(selection.filter)
  if (most === undefined) return stagesFrom(stages ?? [named ? { percent: 100 } : { count: 5 }])
  const { devices, reserved } = await devicesInVerification(stores, release, except)
  const refusal = tooMany(most, devices.size + reserved)
  if (named) {
    for (const serial of await serialsOf(stores, release.organisation, named)) devices.add(serial)
    if (devices.size + reserved > most) throw refusal
    return stagesFrom(stages)
  }
  const left = most - devices.size - reserved
  if (left < 1) throw refusal
  const asked = stagesFrom(stages ?? [{ count: left }])
  const [only] = asked
  if (asked.length !== 1 || only?.reach.kind !== 'count' || only.reach.count > left)
    throw invalid('stages', `a verification of it has one stage of a count, at most ${left}`)
  return asked
}

/** undefined when none of its firmware has to be verified. */
async function mostDevices(stores: Stores, release: Release): Promise<number | undefined> {
  let most: number | undefined
  for (const serial of release.firmware) {
    const firmware = await stores.firmware.find(serial)
    if (firmware?.verification.enabled)
      most = Math.min(most ?? Number.POSITIVE_INFINITY, firmware.verification.maxDevices)
  }
  return most
}
