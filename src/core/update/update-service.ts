import type { Id, Serial } from '../common.ts'
import { decide } from '../decide/decide.ts'
import type { Decision } from '../decide/decision.ts'
import { explainDecision } from '../decide/explain.ts'
import { type DeviceFacts, loadDeviceFacts } from '../device/device-facts.ts'
import { findDevice } from '../device/device-service.ts'
import type { AskStyle } from '../device-gateway.ts'
import { notFound, OtaError } from '../errors.ts'
import { inParallel } from '../in-parallel.ts'
import type { Scope, ServiceDeps } from '../service.ts'
import { expireUpdate, type OnOfferExpired } from './expire-update.ts'
import { moveUpdate } from './move-update.ts'
import { settleUpdate } from './settle-update.ts'
import type { Update } from './update.ts'

/** Why a device is (not) updating: the decision that the device itself would get, in words, with its facts. */
export interface Explanation {
  readonly facts: DeviceFacts
  readonly decision: Decision
  readonly words: string
}

/** Expiries at one time: enough to share a commit, few enough to leave devices their connections. */
const AT_ONCE = 4

export class UpdateService {
  readonly #deps: ServiceDeps
  readonly #onOfferExpired: OnOfferExpired | undefined

  constructor(deps: ServiceDeps, hooks: { readonly onOfferExpired?: OnOfferExpired } = {}) {
    this.#deps = deps
    this.#onOfferExpired = hooks.onOfferExpired
  }

  /**
   * What `decide` says for a device (by key or id), asked as by `via`; unless given, as by the protocol of its open
   * update or its first credential. `styles` says how each protocol's devices ask.
   */
  async explain(
    organisation: Serial,
    reference: string,
    options: { via?: string | undefined; styles: Readonly<Record<string, AskStyle>> },
  ): Promise<Explanation> {
    const { storage, clock, limits } = this.#deps
    const device = await findDevice(storage.read, organisation, reference)
    const facts = await loadDeviceFacts(storage.read, device.serial)
    if (!facts) throw notFound('device', reference)
    const via = options.via ?? facts.open?.via ?? facts.credentials[0]?.scheme ?? 'native'
    const style = options.styles[via] ?? { reporting: 'progress' }
    const decision = decide(facts, { ...style, via, now: clock.now(), limits })
    return { facts, decision, words: explainDecision(decision) }
  }

  /** Ends an open update, or asks a device that is at work to end it. Throws `in-use` when it is closed already. */
  async cancel(scope: Scope, id: Id): Promise<Update> {
    return this.#deps.storage.transaction(async (stores) => {
      const update = await stores.updates.findById(scope.organisation, id)
      if (!update) throw notFound('update', id)
      const moved = await moveUpdate(stores, this.#deps, update, {
        trigger: 'cancel',
        actor: scope.actor,
        reason: 'cancelled by an operator',
      })
      if (!moved) throw new OtaError('in-use', `The update is ${update.state} already.`)
      return moved
    })
  }

  /**
   * Ends updates of which nothing was heard for too long, the longest overdue first. Each is one transaction, and one
   * event; any number of processes may do it at once. Answers how many there were: as many as `limit` may mean more.
   */
  async expire(limit = 500): Promise<number> {
    const { storage, clock } = this.#deps
    const overdue = await storage.read.updates.listOverdue(clock.now(), limit)
    await inParallel(overdue, AT_ONCE, (update) =>
      storage.transaction((stores) => expireUpdate(stores, this.#deps, update, this.#onOfferExpired)),
    )
    return overdue.length
  }

  /** Over silent protocols: updates whose device stayed quiet long enough after its download count as installed. */
  async settleQuiet(limit = 500): Promise<number> {
    const { storage, clock } = this.#deps
    const due = await storage.read.updates.listDue(clock.now(), limit)
    for (const update of due) await storage.transaction((stores) => settleUpdate(stores, this.#deps, update))
    return due.length
  }
}
