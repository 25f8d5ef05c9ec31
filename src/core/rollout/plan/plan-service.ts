import { OtaError } from '../../errors.ts'
import type { Release } from '../../release/release.ts'
import type { Scope, ServiceDeps } from '../../service.ts'
import type { RolloutTarget } from '../candidate.ts'
import type { Rollout } from '../rollout.ts'
import type { RolloutInput } from '../rollout-input.ts'
import { findRollout, type RolloutService } from '../rollout-service.ts'
import { requireUndoable, type UndoInput, type UndoService } from '../undo-service.ts'
import type { RolloutPlan } from './plan.ts'
import { type PlanHow, planRollout } from './plan-rollout.ts'
import { targetOf } from './planned-rollouts.ts'

/** Tells what rollouts would do, and changes nothing. Each plan goes through the devices of a product once. */
export class PlanService {
  readonly #deps: ServiceDeps
  readonly #rollouts: RolloutService
  readonly #undos: UndoService
  #underWay = 0

  constructor(deps: ServiceDeps, makers: { rollouts: RolloutService; undos: UndoService }) {
    this.#deps = deps
    this.#rollouts = makers.rollouts
    this.#undos = makers.undos
  }

  /**
   * Of a rollout that does not exist yet: it is made, and taken back before anybody sees it, so that whatever `create`
   * throws is thrown here.
   */
  async ofInput(scope: Scope, input: RolloutInput, how: PlanHow): Promise<RolloutPlan> {
    return this.#one(async () => {
      const made = await this.#made(async (stores) => this.#rollouts.insert(stores, scope, input))
      return planRollout(this.#deps, { ...made, isStored: false }, how)
    })
  }

  /** Of a rollout as it stands: what is left of it, if it runs. */
  async ofRollout(scope: Scope, reference: string, how: PlanHow): Promise<RolloutPlan> {
    return this.#one(async () => {
      const stores = this.#deps.storage.read
      const rollout = await findRollout(stores, scope.organisation, reference)
      const release = await stores.releases.find(rollout.release)
      if (!release) throw new OtaError('internal', 'The release of a rollout is gone')
      return planRollout(this.#deps, { rollout, release, target: await targetOf(stores, rollout), isStored: true }, how)
    })
  }

  /** Of taking a rollout back. Throws `wrong-state` for a draft or an undo. */
  async ofUndo(scope: Scope, reference: string, input: UndoInput, how: PlanHow): Promise<RolloutPlan> {
    return this.#one(async () => {
      const made = await this.#made(async (stores) => {
        const undone = await findRollout(stores, scope.organisation, reference)
        requireUndoable(undone)
        return this.#undos.insert(stores, scope, { undone, input })
      })
      return planRollout(this.#deps, { ...made, isStored: false }, how)
    })
  }

  /** Plans read much: so many at one time. Throws `too-many`. */
  async #one(work: () => Promise<RolloutPlan>): Promise<RolloutPlan> {
    const { plansAtOnce } = this.#deps.limits
    if (this.#underWay >= plansAtOnce)
      throw new OtaError('too-many', 'Other plans are being made; wait for them.', {
        details: { retryAfterSeconds: 5 },
      })
    this.#underWay += 1
    try {
      return await work()
    } finally {
      this.#underWay -= 1
    }
  }

  /** The row that `make` would leave behind, with what it is about; nothing stays. */
  async #made(make: (stores: Parameters<RolloutService['insert']>[0]) => Promise<Rollout>): Promise<Made> {
    try {
      await this.#deps.storage.transaction(async (stores) => {
        const rollout = await make(stores)
        const release = await stores.releases.find(rollout.release)
        if (!release) throw new OtaError('internal', 'The release of a rollout is gone')
        throw new TakenBack({ rollout, release, target: await targetOf(stores, rollout) })
      })
    } catch (error) {
      if (error instanceof TakenBack) return error.made
      throw error
    }
    throw new OtaError('internal', 'A plan left a rollout behind')
  }
}

interface Made {
  readonly rollout: Rollout
  readonly release: Release
  readonly target: RolloutTarget
}

/** Thrown to roll a transaction back; never leaves this file. */
class TakenBack extends Error {
  readonly made: Made

  constructor(made: Made) {
    super('taken back')
    this.made = made
  }
}
