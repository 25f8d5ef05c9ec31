import type { Serial } from '../common.ts'
import { findDevice } from '../device/device-service.ts'
import { OtaError } from '../errors.ts'
import type { Stores } from '../ports.ts'
import { recordFor, type Scope, type ServiceDeps } from '../service.ts'
import { moveUpdate } from '../update/move-update.ts'
import { outcomeScopes } from './grant.ts'
import { type RolloutMember, waitingMember } from './member.ts'
import { reopenComplete } from './reopen-complete.ts'
import type { Rollout } from './rollout.ts'
import { findRollout, lockRollout } from './rollout-service.ts'

/** Members that are tried again in one transaction. */
const BATCH = 500

/** Single devices of a rollout, as operators deal with them. */
export class RolloutMemberService {
  readonly #deps: ServiceDeps

  constructor(deps: ServiceDeps) {
    this.#deps = deps
  }

  /**
   * Lets devices be tried again: the named ones (by key or id; also those that were cancelled, left out or succeeded
   * once), else all that failed or rolled back and were not left out. What failed before does not count against them any more. Answers how
   * many there were. Large rollouts take several transactions.
   */
  async retry(scope: Scope, reference: string, devices?: readonly string[]): Promise<number> {
    const { storage } = this.#deps
    const rollout = await findRollout(storage.read, scope.organisation, reference)
    if (devices) return storage.transaction((stores) => this.retryNamed(stores, scope, { rollout, devices }))
    let after = 0
    let retried = 0
    for (;;) {
      const filter = { rollout: rollout.serial, states: ['failed', 'rolled-back'], isExcluded: false } as const
      const members = await storage.read.rolloutMembers.list(filter, { limit: BATCH, after })
      retried += await storage.transaction((stores) => this.#pardon(stores, scope, { rollout, members }))
      after = members.at(-1)?.serial ?? after
      if (members.length < BATCH) break
    }
    if (retried > 0) await storage.transaction((stores) => this.#recordRetry(stores, scope, { rollout, retried }))
    return retried
  }

  /** As `retry` of named devices, inside a transaction of the caller's: all or none. */
  async retryNamed(
    stores: Stores,
    scope: Scope,
    { rollout, devices }: { rollout: Rollout; devices: readonly string[] },
  ): Promise<number> {
    const members: RolloutMember[] = []
    for (const reference of devices) {
      const device = await findDevice(stores, scope.organisation, reference)
      const member = await stores.rolloutMembers.find(rollout.serial, device.serial)
      if (member && !member.isListed)
        throw new OtaError('wrong-state', `${reference} is not among the devices that the rollout was made for.`, {
          details: { device: reference, state: 'none' },
        })
      if (!member || member.state === 'open' || (member.state === 'waiting' && member.excludedAt === null))
        throw new OtaError('wrong-state', `${reference} has nothing to try again in this rollout.`, {
          details: { device: reference, state: member?.state ?? 'none' },
        })
      members.push(member)
    }
    const retried = await this.#pardon(stores, scope, { rollout, members })
    await this.#recordRetry(stores, scope, { rollout, retried })
    return retried
  }

  /** Takes devices out, by key or id, all or none: nothing is granted to them any more, and what is open is cancelled. */
  async exclude(scope: Scope, reference: string, input: { devices: readonly string[]; reason: string }): Promise<void> {
    await this.#deps.storage.transaction(async (stores) => {
      const rollout = await findRollout(stores, scope.organisation, reference)
      await this.excludeNamed(stores, scope, { rollout, ...input })
    })
  }

  /** As `exclude`, inside a transaction of the caller's. */
  async excludeNamed(
    stores: Stores,
    scope: Scope,
    { rollout, devices, reason }: { rollout: Rollout; devices: readonly string[]; reason: string },
  ): Promise<void> {
    const found = []
    for (const reference of devices) found.push(await findDevice(stores, scope.organisation, reference))
    const locked = await lockRollout(stores, scope.organisation, rollout.id)
    for (const device of found)
      await this.#excludeOne(stores, scope, { rollout: locked, device: device.serial, reason })
    await recordFor(stores, this.#deps, scope, {
      type: 'rollout.excluded',
      subject: { kind: 'rollout', id: rollout.id },
      details: { key: rollout.key, devices: found.map((device) => device.key), reason },
    })
  }

  async #excludeOne(
    stores: Stores,
    scope: Scope,
    { rollout, device, reason }: { rollout: Rollout; device: Serial; reason: string },
  ): Promise<void> {
    const now = this.#deps.clock.now()
    const known = await stores.rolloutMembers.find(rollout.serial, device)
    // A snapshot that is still being taken lists it when it comes to it.
    const isListed = rollout.membership !== 'snapshot'
    const member = known ?? (await stores.rolloutMembers.insert({ ...waitingMember(rollout, device, now), isListed }))
    const update = member.state === 'open' && member.update !== null && (await stores.updates.find(member.update))
    if (update) await moveUpdate(stores, this.#deps, update, { trigger: 'cancel', actor: scope.actor, reason })
    await stores.rolloutMembers.update(member.serial, { excludedAt: now, excludedReason: reason })
  }

  async #pardon(
    stores: Stores,
    scope: Scope,
    { rollout, members }: { rollout: Rollout; members: readonly RolloutMember[] },
  ): Promise<number> {
    await stores.rolloutTallies.lock(rollout.serial)
    const now = this.#deps.clock.now()
    let pardoned = 0
    for (const known of members) {
      const member = await stores.rolloutMembers.find(rollout.serial, known.device)
      if (!member || member.state !== known.state || member.excludedAt !== known.excludedAt) continue
      // It waits again, and is counted as nothing until it is granted again.
      if (member.state !== 'waiting')
        for (const scope of outcomeScopes(member.stage))
          await stores.rolloutTallies.add(rollout.serial, scope, { outcomes: { [member.state]: -1 } })
      await stores.rolloutMembers.update(member.serial, {
        state: 'waiting',
        attempts: 0,
        excludedAt: null,
        excludedReason: '',
        pardonedAt: now,
        changedAt: now,
      })
      pardoned += 1
    }
    if (pardoned > 0) await reopenComplete(stores, this.#deps, scope, rollout.serial)
    return pardoned
  }

  #recordRetry(
    stores: Stores,
    scope: Scope,
    { rollout, retried }: { rollout: Rollout; retried: number },
  ): Promise<void> {
    return recordFor(stores, this.#deps, scope, {
      type: 'rollout.retried',
      subject: { kind: 'rollout', id: rollout.id },
      details: { key: rollout.key, devices: retried },
    })
  }
}
