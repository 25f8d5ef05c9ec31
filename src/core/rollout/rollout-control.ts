import type { Id, Serial } from '../common.ts'
import { invalid, OtaError } from '../errors.ts'
import type { CoreLimits } from '../limits.ts'
import type { Stores } from '../ports.ts'
import { recordFor, type Scope, type ServiceDeps } from '../service.ts'
import { beginStage } from './begin-stage.ts'
import { cohortName } from './cohorts.ts'
import { judgeRollout, reopenedLimit } from './judge-rollout.ts'
import { OFFERING } from './load-candidates.ts'
import type { Rollout, RolloutState } from './rollout.ts'
import { lockRollout } from './rollout-service.ts'
import { loadRoom } from './room.ts'
import { CANCELLING, stopRollout } from './stop-rollout.ts'
import { stageScope, WHOLE } from './tally.ts'
import { requireRoomToVerify } from './verification-limit.ts'

/** Starts, stops and steers rollouts. Every call costs O(stages + cohorts), whatever the fleet. */
export class RolloutControl {
  readonly #deps: ServiceDeps

  constructor(deps: ServiceDeps) {
    this.#deps = deps
  }

  /** From draft; a first stage that needs approval waits for it. Throws `wrong-state` for firmware that is withdrawn or not verified. */
  start(scope: Scope, reference: string): Promise<Rollout> {
    return this.#change(scope, reference, ['draft'], (stores, rollout) => this.begin(stores, scope, rollout))
  }

  /** As `start`, of a draft inside a transaction of the caller's. */
  async begin(stores: Stores, scope: Scope, rollout: Rollout): Promise<Rollout> {
    await requireStartable(stores, this.#deps, rollout)
    await this.#record(stores, scope, rollout, { type: 'rollout.started', details: { key: rollout.key } })
    await stores.rolloutTallies.setLimits(rollout.serial, WHOLE, { isActive: true })
    await stores.rollouts.update(rollout.serial, { state: 'running', startedAt: this.#deps.clock.now() })
    return beginStage(stores, this.#deps, rollout, { stage: 0, actor: scope.actor })
  }

  /** What is under way goes on. */
  pause(scope: Scope, reference: string): Promise<Rollout> {
    return this.#change(scope, reference, ['running'], async (stores, rollout) => {
      await stores.rolloutTallies.setLimits(rollout.serial, WHOLE, { isActive: false })
      await this.#record(stores, scope, rollout, { type: 'rollout.paused', details: { key: rollout.key } })
      return patched(await stores.rollouts.update(rollout.serial, { state: 'paused' }))
    })
  }

  /**
   * After a pause everything goes on as it was. After a stop the health gate begins its counts again, with a smaller part
   * of the error budget. `cohorts`: excluded ones (`hardwareRevision=C`) that are taken in again.
   */
  resume(scope: Scope, reference: string, options: { cohorts?: readonly string[] } = {}): Promise<Rollout> {
    const states = ['paused', 'stopped', 'running'] as const
    return this.#change(scope, reference, states, async (stores, rollout) => {
      const wasStopped = rollout.state === 'stopped'
      const cohorts = await this.#reopen(stores, rollout, options.cohorts ?? [])
      if (rollout.state === 'running' && cohorts.length === 0) throw wrongState(rollout)
      if (wasStopped) {
        await requireStartable(stores, this.#deps, rollout)
        await requireRoomToVerify(stores, rollout)
        await restart(stores, rollout)
      }
      await stores.rolloutTallies.setLimits(rollout.serial, WHOLE, { isActive: true })
      const run = rollout.run + (wasStopped ? 1 : 0)
      const stageStartedAt = wasStopped && rollout.stageStartedAt !== null ? this.#deps.clock.now() : undefined
      const resumed = patched(
        await stores.rollouts.update(rollout.serial, {
          state: 'running',
          run,
          stop: null,
          endedAt: null,
          cancelling: false,
          ...(stageStartedAt !== undefined && { stageStartedAt }),
        }),
      )
      const details = { key: rollout.key, from: rollout.state, run, cohorts }
      await this.#record(stores, scope, rollout, { type: 'rollout.resumed', details })
      await judgeRollout(stores, this.#deps, rollout.serial)
      return resumed
    })
  }

  /** What has not begun is taken back; with `cancel`, updates under way are cancelled too, in the background. */
  stop(scope: Scope, reference: string, options: { reason?: string; cancel?: boolean } = {}): Promise<Rollout> {
    const states = ['running', 'paused', 'stopped'] as const
    return this.#change(scope, reference, states, async (stores, rollout) => {
      const { cancel = false, reason = '' } = options
      if (rollout.state === 'stopped' && !cancel) throw wrongState(rollout)
      if (rollout.state === 'stopped') return patched(await stores.rollouts.update(rollout.serial, CANCELLING))
      const cause = { kind: 'operator', reason } as const
      await stopRollout(stores, this.#deps, rollout, { actor: scope.actor, cause, cancel })
      return patched(await stores.rollouts.find(rollout.serial))
    })
  }

  /** Closes it: nothing more is granted to devices that come later. */
  finish(scope: Scope, reference: string): Promise<Rollout> {
    return this.#change(scope, reference, ['running', 'paused', 'stopped'], async (stores, rollout) => {
      await stores.rolloutTallies.setLimits(rollout.serial, WHOLE, { isActive: false })
      await this.#record(stores, scope, rollout, {
        type: 'rollout.finished',
        details: { key: rollout.key, by: 'operator' },
      })
      const endedAt = this.#deps.clock.now()
      return patched(await stores.rollouts.update(rollout.serial, { state: 'finished', endedAt }))
    })
  }

  /**
   * Approves of the stage that waits, or of going on with devices that cannot be verified. Each account counts once;
   * only people approve. Throws `wrong-state` when nothing waits, `forbidden` for a program.
   */
  approve(scope: Scope, reference: string, what: 'stage' | 'unverifiable' = 'stage'): Promise<Rollout> {
    return this.#change(scope, reference, ['running', 'paused'], async (stores, rollout) => {
      if (scope.actor.kind !== 'account') throw new OtaError('forbidden', 'Only a person can approve.')
      if (what === 'unverifiable') return this.#approveUnverifiable(stores, scope, rollout)
      const stage = rollout.stages[rollout.stage]
      if (!stage || rollout.stageStartedAt !== null)
        throw new OtaError('wrong-state', 'No stage waits for approval.', { details: { state: rollout.state } })
      const { id, name } = scope.actor
      const at = this.#deps.clock.now()
      const { run } = rollout
      const approval = { rollout: rollout.serial, stage: rollout.stage, run, account: id, name, at }
      const isNew = await stores.rollouts.approve(approval)
      const given = (await stores.rollouts.listApprovals(rollout.serial)).filter(
        (one) => one.stage === rollout.stage && one.run === run,
      ).length
      if (!isNew) throw new OtaError('conflict', 'You approved of this stage already; another person must.')
      const details = { key: rollout.key, stage: rollout.stage + 1, given }
      await this.#record(stores, scope, rollout, { type: 'rollout.approved', details })
      if (given < stage.approvals) return rollout
      return beginStage(stores, this.#deps, rollout, { stage: rollout.stage, actor: scope.actor, isApproved: true })
    })
  }

  /** Ends the soaking of the current stage by hand: the next stage begins, or waits for its approval. */
  advance(scope: Scope, reference: string): Promise<Rollout> {
    return this.#change(scope, reference, ['running', 'paused'], (stores, rollout) => {
      if (rollout.stage + 1 >= rollout.stages.length || rollout.stageStartedAt === null)
        throw new OtaError('wrong-state', 'There is no next stage to go to.', { details: { state: rollout.state } })
      return beginStage(stores, this.#deps, rollout, { stage: rollout.stage + 1, actor: scope.actor })
    })
  }

  async #approveUnverifiable(stores: Stores, scope: Scope, rollout: Rollout): Promise<Rollout> {
    if (rollout.unverifiableApproved) throw wrongState(rollout)
    const details = { key: rollout.key, stage: null, given: 1 }
    await this.#record(stores, scope, rollout, { type: 'rollout.approved', details })
    const approved = patched(await stores.rollouts.update(rollout.serial, { unverifiableApproved: true }))
    await judgeRollout(stores, this.#deps, rollout.serial)
    return approved
  }

  async #reopen(stores: Stores, rollout: Rollout, keys: readonly string[]): Promise<string[]> {
    const room = await loadRoom(stores, rollout.serial)
    const names: string[] = []
    for (const key of keys) {
      const tally = room?.cohorts.get(`cohort/${key}`)
      if (!tally || tally.isActive) throw invalid('cohorts', `"${key.slice(0, 100)}" is not an excluded cohort`)
      const limit = reopenedLimit(rollout, tally)
      const limits = { grantLimit: limit, unverifiableLimit: tally.unverifiableLimit }
      await stores.rolloutTallies.restart(rollout.serial, tally.scope, limits)
      await stores.rolloutTallies.setLimits(rollout.serial, tally.scope, { isActive: true, stopWords: null })
      names.push(cohortName(tally))
    }
    return names
  }

  /** One transaction under the rollout's lock. Throws `wrong-state` unless it is in one of `states`. */
  #change(
    scope: Scope,
    reference: string,
    states: readonly RolloutState[],
    work: (stores: Stores, rollout: Rollout) => Promise<Rollout>,
  ): Promise<Rollout> {
    return this.#deps.storage.transaction(async (stores) => {
      const rollout = await lockRollout(stores, scope.organisation, reference)
      if (!states.includes(rollout.state)) throw wrongState(rollout)
      return work(stores, rollout)
    })
  }

  #record(
    stores: Stores,
    scope: Scope,
    { id }: { readonly id: Id },
    event: Omit<Parameters<typeof recordFor>[3], 'subject'>,
  ): Promise<void> {
    const subject = { kind: 'rollout', id }
    return recordFor(stores, this.#deps, scope, { ...event, subject } as Parameters<typeof recordFor>[3])
  }
}

function wrongState({ state }: Rollout): OtaError {
  return new OtaError('wrong-state', `The rollout is ${state}.`, { details: { state } })
}

function patched(rollout: Rollout | undefined): Rollout {
  if (!rollout) throw new OtaError('internal', 'The rollout was deleted meanwhile')
  return rollout
}

/** Every count of the gate begins again: the whole, the stages, and the cohorts that are not excluded. */
async function restart(stores: Stores, rollout: Rollout): Promise<void> {
  const room = await loadRoom(stores, rollout.serial)
  if (!room) return
  const { whole, cohorts } = room
  const limits = { grantLimit: whole.grantLimit, unverifiableLimit: whole.unverifiableLimit }
  await stores.rolloutTallies.restart(rollout.serial, WHOLE, limits)
  for (const [index] of rollout.stages.entries())
    await stores.rolloutTallies.restart(rollout.serial, stageScope(index), NO_LIMIT)
  for (const tally of cohorts.values()) {
    if (!tally.isActive) continue
    const fresh = { grantLimit: reopenedLimit(rollout, tally), unverifiableLimit: tally.unverifiableLimit }
    await stores.rolloutTallies.restart(rollout.serial, tally.scope, fresh)
  }
}

const NO_LIMIT = { grantLimit: Number.MAX_SAFE_INTEGER, unverifiableLimit: Number.MAX_SAFE_INTEGER }

/** A device that asks looks at all that it may meet, and no further than `OFFERING.live`. */
async function requireRoom(stores: Stores, limits: CoreLimits, rollout: Rollout): Promise<void> {
  const { rolloutsPerProduct, rolloutsPerDevice } = limits
  const most = Math.min(rollout.namesDevices ? rolloutsPerDevice : rolloutsPerProduct, OFFERING.live)
  const live = rollout.namesDevices
    ? await stores.rollouts.countNaming(rollout.serial)
    : await stores.rollouts.countOffering(rollout.product)
  if (live < most) return
  const whose = rollout.namesDevices ? 'that name one of its devices' : 'of its product'
  throw new OtaError('limit-reached', `${most} rollouts ${whose} run or are paused; end some of them.`)
}

/** Firmware that is withdrawn or still to be verified would be refused to every device. */
async function requireStartable(stores: Stores, { limits }: ServiceDeps, rollout: Rollout): Promise<void> {
  await requireRoom(stores, limits, rollout)
  if (rollout.kind === 'undo') return
  const release = await stores.releases.find(rollout.release)
  for (const serial of release?.firmware ?? ([] as readonly Serial[])) {
    const firmware = await stores.firmware.find(serial)
    const details = { state: rollout.state }
    if (firmware?.withdrawn) throw new OtaError('wrong-state', `Version ${firmware.version} is withdrawn.`, { details })
    const { enabled, verified } = firmware?.verification ?? { enabled: false, verified: false }
    if (enabled && !verified && rollout.kind === 'update')
      throw new OtaError('wrong-state', `Version ${firmware?.version} must be verified first.`, { details })
  }
}
