import type { Serial } from '../../common.ts'
import type { Candidates } from '../../decide/decide.ts'
import type { Stores } from '../../ports.ts'
import type { Update } from '../../update/update.ts'
import type { RolloutCandidate, RolloutTarget } from '../candidate.ts'
import { candidateWith, isMeant, loadTarget, OFFERING, previousOf } from '../load-candidates.ts'
import type { RolloutMember } from '../member.ts'
import { byRank, type Rollout } from '../rollout.ts'
import { loadRoom, type Room } from '../room.ts'
import type { DeviceGround } from './known-devices.ts'
import { Memo } from './memo.ts'

/** A rollout that devices are held against. */
export interface Held {
  readonly rollout: Rollout
  /** Absent: nothing is stored of it yet, so it has no members. */
  readonly isStored: boolean
  /** Absent: nothing of it can be granted. */
  readonly room: Room | undefined
  /** What it has for every device; of an undo it is looked up device by device. */
  readonly target: RolloutTarget
}

/** Former versions that are remembered. */
const REMEMBERED = 10_000

/** What a rollout of a release has for its devices. */
export async function targetOf(stores: Stores, rollout: Rollout): Promise<RolloutTarget> {
  return rollout.undoes === null ? loadTarget(stores, rollout.release) : { kind: 'unknown' }
}

/** Rollouts that name their devices: which of them are looked up for each batch, in front of the planned one. */
export interface Naming {
  readonly product: Serial
  readonly accepts: (rollout: Rollout) => boolean
  /** What they are held as. */
  readonly as: (held: Held) => Held
  /** The last of the held ones is behind all others, whatever its rank. */
  readonly isPlanLast: boolean
}

/** Reads what rollouts, in their order, have for many devices: a statement or two for each rollout and batch. */
export class HeldRollouts {
  readonly #stores: Stores
  readonly #held: readonly Held[]
  readonly #rooms: Map<Serial, Room>
  readonly #naming: Naming
  readonly #targets = new Map<Serial, RolloutTarget>()
  readonly #heldNaming = new Map<Serial, Held>()
  readonly #previous = new Map<Serial, Memo<string, RolloutTarget>>()

  constructor(stores: Stores, held: readonly Held[], naming: Naming) {
    this.#naming = naming
    this.#stores = stores
    this.#held = held
    this.#rooms = new Map(held.flatMap(({ rollout, room }) => (room ? [[rollout.serial, room] as const] : [])))
    for (const { rollout } of held)
      if (rollout.undoes !== null)
        this.#previous.set(
          rollout.serial,
          new Memo(REMEMBERED, (steps) => previousOf(stores, rollout, { steps: JSON.parse(steps) as Update['steps'] })),
        )
  }

  /** The devices with their rollouts, in the order of the batch. */
  async read(batch: readonly DeviceGround[]): Promise<Candidates[]> {
    const rows = batch.map(() => [] as RolloutCandidate[])
    const devices = batch.map(({ candidates }) => candidates.device.serial)
    for (const held of this.#held) {
      const read = await this.#readOne(held, devices)
      for (const [index, { candidates }] of batch.entries())
        rows[index]?.push(await this.#candidate(held, candidates, read))
    }
    for (const [index, { candidates }] of batch.entries()) await this.#addNaming(rows[index] ?? [], candidates)
    return batch.map(({ candidates }, index) => ({ ...candidates, rollouts: rows[index] ?? [], rooms: this.#rooms }))
  }

  /** Those that name the device take their places among the others. */
  async #addNaming(row: RolloutCandidate[], asker: DeviceGround['candidates']): Promise<void> {
    const { product, accepts, isPlanLast } = this.#naming
    const { device } = asker
    const naming = await this.#stores.rollouts.listNaming(product, device, { live: OFFERING.live, stopped: 0 })
    const mine = naming.filter(accepts)
    if (mine.length === 0) return
    const planned = isPlanLast ? row.pop() : undefined
    for (const rollout of mine) {
      const held = await this.#hold(rollout)
      row.push(await this.#candidate(held, asker, await this.#readOne(held, [device.serial])))
    }
    row.sort((a, b) => byRank(a.rollout, b.rollout))
    if (planned) row.push(planned)
  }

  async #hold(rollout: Rollout): Promise<Held> {
    const known = this.#heldNaming.get(rollout.serial)
    if (known) return known
    const room = await loadRoom(this.#stores, rollout.serial)
    const target = this.#targets.get(rollout.release) ?? (await targetOf(this.#stores, rollout))
    this.#targets.set(rollout.release, target)
    const held = this.#naming.as({ rollout, isStored: true, room, target })
    if (held.room) this.#rooms.set(rollout.serial, held.room)
    this.#heldNaming.set(rollout.serial, held)
    return held
  }

  async #readOne({ rollout, isStored }: Held, devices: readonly Serial[]): Promise<Read> {
    const { rolloutMembers, updates } = this.#stores
    const members = isStored ? await rolloutMembers.listByDevices(rollout.serial, devices) : []
    const before = rollout.undoes === null ? [] : await rolloutMembers.listByDevices(rollout.undoes, devices)
    const taken = await updates.listBySerials(before.flatMap(({ update }) => update ?? []))
    return {
      members: new Map(members.map((member) => [member.device, member])),
      before: new Map(before.map((member) => [member.device, member])),
      updates: new Map(taken.map((update) => [update.serial, update])),
    }
  }

  async #candidate(held: Held, asker: DeviceGround['candidates'], read: Read): Promise<RolloutCandidate> {
    const { rollout } = held
    const member = read.members.get(asker.device.serial)
    const before = read.before.get(asker.device.serial)
    const candidate = candidateWith(rollout, asker, { member, before })
    if (!isMeant(candidate)) return candidate
    return { ...candidate, target: before ? await this.#former(rollout, before, read) : held.target }
  }

  async #former(rollout: Rollout, before: RolloutMember, read: Read): Promise<RolloutTarget> {
    const update = before.update === null ? undefined : read.updates.get(before.update)
    const memo = this.#previous.get(rollout.serial)
    return update && memo ? memo.get(JSON.stringify(update.steps)) : { kind: 'unknown' }
  }
}

interface Read {
  readonly members: ReadonlyMap<Serial, RolloutMember>
  readonly before: ReadonlyMap<Serial, RolloutMember>
  readonly updates: ReadonlyMap<Serial, Update>
}
