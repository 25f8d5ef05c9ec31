import type { Id, Millis, New, Patch, Serial, Slice } from '../common.ts'
import type { GrantKind, MemberPatch, MemberState, NewMember, RolloutMember } from './member.ts'
import type { MemberFound, MemberSearch } from './member-search.ts'
import type { Approval, Rollout, RolloutKind, RolloutState } from './rollout.ts'
import type { Outcomes, Tally } from './tally.ts'

export interface RolloutFilter {
  readonly organisation: Serial
  readonly product?: Serial
  readonly release?: Serial
  readonly states?: readonly RolloutState[]
  readonly kind?: RolloutKind
  /** Case-insensitive literal substring of key or name. */
  readonly search?: string
}

/** How a rollout names a device. */
export type DeviceName = { readonly id: Id } | { readonly key: string }

/** A device as rollouts name it. */
export interface NamedDevice {
  readonly id: Id
  readonly key: string
}

export interface RolloutStore {
  /** Throws `conflict` (details.field `key` or `id`) when taken. */
  insert(row: New<Rollout>): Promise<Rollout>
  find(serial: Serial): Promise<Rollout | undefined>
  findById(organisation: Serial, id: Id): Promise<Rollout | undefined>
  findByKey(organisation: Serial, key: string): Promise<Rollout | undefined>
  update(serial: Serial, patch: Patch<Rollout>, ifRevision?: number): Promise<Rollout | undefined>
  /**
   * From now on nobody finds it, its key and id are free, and it keeps nothing from being deleted; O(stages + cohorts).
   * Its members and the mark of its updates, which stay, go with `purge`. Throws `in-use` while another one undoes it.
   */
  delete(serial: Serial): Promise<void>
  /** Deleted ones of which something is left, by serial. */
  listDeleted(limit: number): Promise<Serial[]>
  /** Removes at most so many members, and the mark of at most so many updates, of a deleted one; false when all is gone. */
  purge(serial: Serial, limit: number): Promise<boolean>
  list(filter: RolloutFilter, slice: Slice): Promise<Rollout[]>
  count(filter: RolloutFilter): Promise<number>
  /**
   * What every device of a product may meet: running and paused ones, by priority and then age, and behind them the newest
   * `stopped` ones, so that a device can be told why it is granted nothing. Without those that name their devices.
   */
  listOffering(product: Serial, limits: { live: number; stopped: number }): Promise<Rollout[]>
  /** As `listOffering`, those that name a device, for at most so many of them. */
  listNaming(product: Serial, device: NamedDevice, limits: { live: number; stopped: number }): Promise<Rollout[]>
  /** Running and paused ones of a product that do not name their devices. */
  countOffering(product: Serial): Promise<number>
  /** The most running and paused ones that name one of the devices that this one names. */
  countNaming(serial: Serial): Promise<number>
  /** The devices that a new one names, for `listNaming`; none twice. */
  name(serial: Serial, names: readonly DeviceName[]): Promise<void>
  /** In these states on the whole server, by serial: for background jobs. */
  listInStates(states: readonly RolloutState[], slice: Slice): Promise<Rollout[]>
  /** Whose snapshot is being taken, or whose updates are being cancelled. */
  listAtWork(limit: number): Promise<Rollout[]>
  /** Whether any rollout, whatever its state, is for this release. */
  countByRelease(release: Serial): Promise<number>
  /** Whether it is new: one for each account, stage and run. */
  approve(approval: Approval): Promise<boolean>
  /** Oldest first. */
  listApprovals(rollout: Serial): Promise<Approval[]>
}

export interface MemberFilter {
  readonly rollout: Serial
  readonly states?: readonly MemberState[]
  /** Only those that were left out (true) or not (false). */
  readonly isExcluded?: boolean
  readonly stage?: number
}

export interface RolloutMemberStore {
  /** Throws `conflict` (details.field `device`) when the device is a member already. */
  insert(row: NewMember): Promise<RolloutMember>
  /** Leaves out those that are members already, which are listed from then on; answers how many are new. */
  insertMany(rows: readonly NewMember[]): Promise<number>
  find(rollout: Serial, device: Serial): Promise<RolloutMember | undefined>
  /** Of one device, in these rollouts or in all, in no particular order. */
  listByDevice(device: Serial, rollouts?: readonly Serial[]): Promise<RolloutMember[]>
  /** Of these devices in one rollout, in no particular order. */
  listByDevices(rollout: Serial, devices: readonly Serial[]): Promise<RolloutMember[]>
  update(serial: Serial, patch: MemberPatch): Promise<RolloutMember | undefined>
  list(filter: MemberFilter, slice: Slice): Promise<RolloutMember[]>
  count(filter: MemberFilter): Promise<number>
  /** Members with their newest updates, the latest news first, then the highest serial. */
  search(search: MemberSearch, slice: Pick<Slice, 'limit' | 'offset'>): Promise<MemberFound[]>
  /** How many `search` finds in all. */
  countFound(search: MemberSearch): Promise<number>
  /** Rollouts with members whose `settleAt` has passed and that are not settled. */
  listSettling(now: Millis, limit: number): Promise<Serial[]>
  /** Its members whose `settleAt` has passed and that are not settled, in the order of `settleAt` and then by serial. */
  listDue(rollout: Serial, now: Millis, limit: number): Promise<RolloutMember[]>
  /**
   * Marks members as settled, and those of them that are among `failed` as failed as well; answers, in no particular
   * order, which were not settled before. To be called with the rollout's counters locked. One change of each row: for a
   * second one PostgreSQL would lock its device too.
   */
  settle(members: readonly Serial[], failed: readonly Serial[]): Promise<Serial[]>
  /** Devices that succeeded in verification rollouts of a release. `granted`: devices that were granted one. */
  countVerified(release: Serial): Promise<{ succeeded: number; granted: number }>
  /** Members by state, counted one by one: for checks of the kept counters. */
  recount(rollout: Serial): Promise<Record<MemberState, number>>
}

/**
 * What a grant needs room for in one scope. Every limit that is absent does not bind; a cohort's scope has no limit but
 * the gate's.
 */
export interface Claim {
  readonly rollout: Serial
  readonly scope: string
  readonly now: Millis
  readonly grant: GrantKind
  readonly isVerifiable: boolean
  readonly concurrency?: number
  readonly ratePerMinute?: number
  /** Devices in all. */
  readonly devices?: number
}

/** Changes of counters; each number is added. */
export interface TallyChange {
  readonly settled?: number
  readonly failed?: number
  readonly settledFailed?: number
  readonly silent?: number
  readonly slots?: number
  readonly outcomes?: Partial<Outcomes>
}

export interface TallyLimits {
  readonly grantLimit?: number
  readonly unverifiableLimit?: number
  readonly isActive?: boolean
  readonly stopWords?: string | null
}

export interface RolloutTallyStore {
  /**
   * Rows for the whole and each stage; O(stages). Ones that are there stay as they are. `limits` are the whole's, which
   * is not active yet: nothing is granted until `setLimits` activates it. Stages are active and have no gate of their own.
   */
  create(
    rollout: Serial,
    scopes: readonly string[],
    limits: { grantLimit: number; unverifiableLimit: number },
  ): Promise<void>
  /** The row of a cohort, made active and with the next position of its family when it is new. */
  ensureCohort(
    rollout: Serial,
    cohort: { readonly family: string; readonly value: string },
    limits: { grantLimit: number },
  ): Promise<Tally>
  /**
   * One statement: checks `isActive` and every limit of the scope, and counts the grant. False when there is no room.
   * Counted are the first grant of a device (`devices`), with each trial that begins its place (`counts.granted` or
   * `unverifiable`), and with each grant the slot, the minute and an `open` outcome: what the device counted as before,
   * the caller takes back with `add`. Of a cohort `counts.granted` alone.
   */
  claim(claim: Claim): Promise<boolean>
  /** One statement; changes nothing that is absent. `run`: only while the row is in this run. */
  add(rollout: Serial, scope: string, change: TallyChange, run?: number): Promise<void>
  setLimits(rollout: Serial, scope: string, limits: TallyLimits): Promise<void>
  /** Begins the gate's numbers of a scope again, in the next run: `counts` and `unverifiable`; all else goes on. */
  restart(rollout: Serial, scope: string, limits: { grantLimit: number; unverifiableLimit: number }): Promise<void>
  /**
   * Waits until no other transaction holds the counters of this rollout, and keeps others from them until the end of
   * this one, as a claim of the whole does. One of the two comes before any other write to the rollout's members, or two
   * transactions may wait for each other.
   */
  lock(rollout: Serial): Promise<void>
  find(rollout: Serial, scope: string): Promise<Tally | undefined>
  /** All scopes of a rollout, at most `limit`: the whole, stages in order, cohorts by position. */
  list(rollout: Serial, limit: number): Promise<Tally[]>
}
