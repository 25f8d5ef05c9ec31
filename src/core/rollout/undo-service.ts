import { OtaError } from '../errors.ts'
import { EVERY_DEVICE } from '../filter/filter.ts'
import type { Stores } from '../ports.ts'
import type { Scope, ServiceDeps } from '../service.ts'
import { inField } from '../validate.ts'
import { type HealthPolicyInput, healthPolicy } from './health/health-policy.ts'
import { optionsFrom } from './options-input.ts'
import type { Rollout } from './rollout.ts'
import type { RolloutControl } from './rollout-control.ts'
import { insertRollout, lockRollout } from './rollout-service.ts'
import { type StageInput, stagesFrom } from './stage-input.ts'
import { stopRollout } from './stop-rollout.ts'

export interface UndoInput {
  /** `<key>-undo` unless given. */
  readonly key?: string
  /** The downgrade guard lets devices go back. Without it only devices whose former version is newer are returned. */
  readonly allowDowngrade?: boolean
  readonly stages?: readonly StageInput[]
  readonly health?: HealthPolicyInput
  /** Leaves it a draft. */
  readonly draft?: boolean
}

/** Takes rollouts back. */
export class UndoService {
  readonly #deps: ServiceDeps
  readonly #control: RolloutControl

  constructor(deps: ServiceDeps, control: RolloutControl) {
    this.#deps = deps
    this.#control = control
  }

  /**
   * Stops a rollout, and makes and starts another that returns each device that it updated to what that device ran
   * before; which version that is, is looked up device by device when it asks. Devices whose former version is not known
   * or gone stay as they are; the plan of the undo counts them. Throws `wrong-state` for a draft or an undo.
   */
  async undo(scope: Scope, reference: string, input: UndoInput = {}): Promise<Rollout> {
    return this.#deps.storage.transaction(async (stores) => {
      const undone = await lockRollout(stores, scope.organisation, reference)
      requireUndoable(undone)
      if (!input.draft) await this.#stop(stores, scope, undone)
      const undo = await this.insert(stores, scope, { undone, input })
      return input.draft ? undo : this.#control.begin(stores, scope, undo)
    })
  }

  /** The draft alone. */
  async insert(
    stores: Stores,
    scope: Scope,
    { undone, input }: { undone: Rollout; input: UndoInput },
  ): Promise<Rollout> {
    const release = await stores.releases.find(undone.release)
    if (!release) throw new OtaError('internal', 'The release of a rollout is gone')
    return insertRollout(stores, this.#deps, scope, {
      kind: 'undo',
      undoes: undone.serial,
      undone,
      product: undone.product,
      release,
      selection: { filter: EVERY_DEVICE, reportingOnly: false },
      stages: stagesFrom(input.stages),
      health: inField('health', () => healthPolicy(input.health ?? undone.health)),
      options: optionsFrom({ ...undone.options, allowDowngrade: input.allowDowngrade ?? false, ignorePenalty: true }),
      input: { key: input.key ?? `${undone.key}-undo`.slice(0, 64), priority: Math.min(1000, undone.priority + 1) },
    })
  }

  async #stop(stores: Stores, scope: Scope, undone: Rollout): Promise<void> {
    if (undone.state !== 'running' && undone.state !== 'paused') return
    const cause = { kind: 'operator', reason: 'it is being taken back' } as const
    await stopRollout(stores, this.#deps, undone, { actor: scope.actor, cause, cancel: true })
  }
}

/** Throws `wrong-state` for a draft or an undo. */
export function requireUndoable({ state, kind }: Pick<Rollout, 'state' | 'kind'>): void {
  if (state !== 'draft' && kind !== 'undo') return
  const what = kind === 'undo' ? 'an undo' : 'a draft'
  throw new OtaError('wrong-state', `There is nothing to take back: it is ${what}.`, { details: { state } })
}
