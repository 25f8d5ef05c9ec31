import type { Millis, Serial } from '../../common.ts'
import { SERVER_FROZEN } from '../../device/device-facts.ts'
import type { DeviceFilter, DeviceVersions } from '../../device/device-store.ts'
import type { AskStyle } from '../../device-gateway.ts'
import { OtaError } from '../../errors.ts'
import { EVERY_DEVICE } from '../../filter/filter.ts'
import type { Stores } from '../../ports.ts'
import type { ServiceDeps } from '../../service.ts'
import type { RolloutTarget } from '../candidate.ts'
import { OFFERING } from '../load-candidates.ts'
import { byRank, isLive, type Rollout } from '../rollout.ts'
import type { MemberFilter } from '../rollout-store.ts'
import { loadRoom, type Room } from '../room.ts'
import { allotStages } from './allot-stages.ts'
import { asIfEmpty, asIfOpen } from './as-if.ts'
import { finishPlan } from './finish-plan.ts'
import { type Foreseeing, type Foreseen, foresee, type KnownDevice } from './foresee.ts'
import { type Ground, KnownDevices, loadGround } from './known-devices.ts'
import { EXAMPLES, type RolloutPlan } from './plan.ts'
import { PlanCount } from './plan-count.ts'
import type { Planned } from './planned.ts'
import { type Held, HeldRollouts, targetOf } from './planned-rollouts.ts'

/** Devices looked at between two pauses of the process: few enough not to keep a poll waiting. */
const BATCH = 500

export interface PlanHow {
  /** How each protocol's devices ask, by scheme. */
  readonly styles: Readonly<Record<string, AskStyle>>
  /** Asked now and then; once it says no, the plan ends where it is. */
  readonly isWanted?: () => boolean
}

/**
 * What a rollout would do to the devices of its product as they are now: each is asked of `decide`, as if it asked itself.
 * Reads in batches over the management reader, in bounded memory; ends after `limits.planSeconds`.
 */
export async function planRollout(deps: ServiceDeps, planned: Planned, how: PlanHow): Promise<RolloutPlan> {
  const { storage, clock, limits } = deps
  const stores = storage.management
  const { rollout } = planned
  const now = clock.now()
  const ground = await loadGround(stores, rollout.product)
  if (!ground) throw new OtaError('internal', 'The product of a rollout is gone')
  const room = planned.isStored ? await loadRoom(stores, rollout.serial) : undefined
  const isBefore = rankingBefore(planned, now)
  const before = (await stores.rollouts.listOffering(planned.rollout.product, OFFERING)).filter(isBefore)
  const look = await lookout(stores, { planned, room, before, isBefore, ground, how, now, limits })
  const count = new PlanCount(rollout, look.foreseeing)
  const isComplete = await countAll(stores, { planned, look, count, isOver: () => isOver(how, now, deps) })
  const strangers = await countStrangers(stores, { planned, look, count, ground })
  return finishPlan({
    planned,
    ground,
    count,
    room,
    before,
    isComplete,
    now,
    limits,
    ...strangers,
    allotment: allotStages(rollout.stages, count.byStage, startOf(planned, room)),
    frozen: await frozenOf(stores, rollout.organisation),
  })
}

function isOver({ isWanted }: PlanHow, since: Millis, { clock, limits }: ServiceDeps): boolean {
  return isWanted?.() === false || clock.now() - since > limits.planSeconds * 1000
}

/** Where the stages go on. */
function startOf({ rollout }: Planned, room: Room | undefined): { stage: number; taken: number } {
  return { stage: rollout.stage, taken: room?.stages[rollout.stage]?.devices ?? 0 }
}

/** Whether a device meets another rollout of the product, a live one, before this one. */
function rankingBefore({ rollout, isStored }: Planned, now: Millis): (other: Rollout) => boolean {
  const mine: Rollout = {
    ...rollout,
    state: 'running',
    ...(!isStored && { serial: Number.MAX_SAFE_INTEGER, createdAt: now }),
  }
  return (other) =>
    isLive(other.state) &&
    (!isStored || other.serial !== rollout.serial) &&
    other.serial !== rollout.undoes &&
    byRank(other, mine) < 0
}

async function frozenOf(stores: Stores, organisation: Serial): Promise<'server' | 'organisation' | null> {
  if ((await stores.settings.get(SERVER_FROZEN)) === 'on') return 'server'
  return (await stores.organisations.find(organisation))?.frozen ? 'organisation' : null
}

/** Answers what is foreseen for batches of devices. */
interface Lookout {
  readonly foreseeing: Foreseeing & { readonly limits: ServiceDeps['limits'] }
  readonly see: (batch: readonly DeviceVersions[]) => Promise<Array<readonly [KnownDevice, Foreseen]>>
}

async function lookout(
  stores: Stores,
  of: {
    planned: Planned
    room: Room | undefined
    before: readonly Rollout[]
    isBefore: (other: Rollout) => boolean
    ground: Ground
    how: PlanHow
    now: Millis
    limits: ServiceDeps['limits']
  },
): Promise<Lookout> {
  const { planned, before, ground, how, now, limits } = of
  const held: Held[] = []
  for (const rollout of before) {
    const room = await loadRoom(stores, rollout.serial)
    held.push({ rollout, isStored: true, room, target: await targetOf(stores, rollout) })
  }
  // A row that was taken back has no number of its own.
  const serial = planned.isStored ? planned.rollout.serial : 0
  const rollout = { ...asIfOpen(planned.rollout), serial }
  held.push({ ...planned, rollout, room: asIfEmpty(serial, of.room), target: asIfVerified(planned.target) })
  const devices = new KnownDevices(stores)
  const naming = { product: planned.rollout.product, accepts: of.isBefore, as: (held: Held) => held, isPlanLast: true }
  const rollouts = new HeldRollouts(stores, held, naming)
  const foreseeing = { rollout, now, limits, styles: how.styles }
  return {
    foreseeing,
    async see(batch) {
      const grounds = await devices.read(batch, ground)
      const candidates = await rollouts.read(grounds)
      return candidates.map((one, index) => {
        const known = { candidates: one, schemes: grounds[index]?.schemes ?? [] }
        return [known, foresee(known, foreseeing)] as const
      })
    },
  }
}

/** Firmware that waits to be verified is planned as if it was; a warning says so. */
function asIfVerified(target: RolloutTarget): RolloutTarget {
  if (target.kind !== 'files') return target
  const files = target.files.map((file) => {
    const { verification } = file.firmware
    return { ...file, firmware: { ...file.firmware, verification: { ...verification, enabled: false } } }
  })
  return { ...target, files }
}

interface Counting {
  readonly planned: Planned
  readonly look: Lookout
  readonly count: PlanCount
}

/** Goes through the devices that are selected. False when it was over before their end. */
async function countAll(stores: Stores, counting: Counting & { isOver: () => boolean }): Promise<boolean> {
  const { planned, look, count, isOver: mustEnd } = counting
  for await (const batch of selectedDevices(stores, planned)) {
    for (const [known, foreseen] of await look.see(batch)) count.add(known, foreseen)
    if (mustEnd()) return false
  }
  return true
}

/** The devices that a plan looks at, in batches: by the selection, or those that are members already. */
async function* selectedDevices(stores: Stores, { rollout, isStored }: Planned): AsyncGenerator<DeviceVersions[]> {
  const members = memberFilter(rollout, isStored)
  let after = 0
  for (;;) {
    const slice = { limit: BATCH, after }
    if (!members) {
      const batch = await stores.devices.listFacts(selectedFilter(rollout), slice)
      yield batch
      after = batch.at(-1)?.device.serial ?? after
      if (batch.length < BATCH) return
      continue
    }
    const page = await stores.rolloutMembers.list(members, slice)
    const serials = page.map(({ device }) => device)
    yield await stores.devices.listFacts({ ...productFilter(rollout), serials }, { limit: BATCH })
    after = page.at(-1)?.serial ?? after
    if (page.length < BATCH) return
  }
}

/** Of which members an undo, or the list of a snapshot, is made. */
function memberFilter(rollout: Rollout, isStored: boolean): MemberFilter | undefined {
  if (rollout.undoes !== null) return { rollout: rollout.undoes, states: ['succeeded', 'delivered'] }
  return isStored && rollout.snapshot.kind === 'taken' ? { rollout: rollout.serial } : undefined
}

function productFilter({ organisation, product }: Rollout): DeviceFilter {
  return { organisation, product }
}

function selectedFilter(rollout: Rollout): DeviceFilter {
  return { ...productFilter(rollout), where: rollout.selection.filter }
}

/** Counts the devices that are not selected, with reasons for the first few. */
async function countStrangers(
  stores: Stores,
  { planned, look, count }: Counting & { ground: Ground },
): Promise<{ devices: number; selected: number }> {
  const { rollout, isStored } = planned
  const members = memberFilter(rollout, isStored)
  const devices = await stores.devices.count(productFilter(rollout))
  const selected = members
    ? await stores.rolloutMembers.count(members)
    : await stores.devices.count(selectedFilter(rollout))
  const strangers = Math.max(0, devices - selected)
  if (strangers === 0) return { devices, selected }
  const isEverybody = JSON.stringify(rollout.selection.filter) === JSON.stringify(EVERY_DEVICE)
  const where = members || isEverybody ? undefined : ({ kind: 'not', of: rollout.selection.filter } as const)
  const filter = { ...productFilter(rollout), ...(where && { where }), ...(members && { outside: members.rollout }) }
  const batch = await stores.devices.listFacts(filter, { limit: EXAMPLES })
  const seen = (await look.see(batch)).filter(([, { outcome }]) => outcome === 'not-selected')
  const examples = seen.map(([{ candidates }, { words }]) => ({ device: candidates.device.key, words }))
  count.addMany('not-selected', strangers, examples)
  return { devices, selected }
}
