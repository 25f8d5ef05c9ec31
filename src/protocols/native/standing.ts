import type { Core } from '../../core/create-core.ts'
import type { CancelBecause, Decision, Hold, NoneBecause } from '../../core/decide/decision.ts'
import { explainDecision } from '../../core/decide/explain.ts'
import { isLasting } from '../../core/decide/lasting.ts'
import type { DeviceFacts } from '../../core/device/device-facts.ts'
import type { AskOptions } from '../../core/device-gateway.ts'
import type { FirmwareFile } from '../../core/firmware/firmware.ts'
import { loadFile } from '../../core/firmware/load-file.ts'
import type { Update } from '../../core/update/update.ts'
import { NATIVE } from './names.ts'

/** An update that the device is to make, with the file of each of its modules. */
export interface Live {
  readonly kind: 'update'
  readonly update: Update
  readonly version: string
  readonly files: readonly FirmwareFile[]
  readonly because: 'assigned' | 'under-way'
}

/** What there is for a device to do. */
export type Standing =
  | Live
  | {
      readonly kind: 'cancel'
      readonly update: Update
      readonly because: CancelBecause['kind']
      readonly words: string
    }
  /** `isLasting`: true until something is committed that touches it. */
  | { readonly kind: 'none'; readonly because: NoneBecause; readonly words: string; readonly isLasting: boolean }

/** As it is before anything is granted or cancelled. `news`: there is something that only a check can bring about. */
export type Outlook = Standing | { readonly kind: 'news' }

export interface Standings {
  /** What a check would find; changes nothing. */
  look(facts: DeviceFacts, hold: Hold | undefined): Promise<Outlook>
  /** What there is to do, granted or cancelled as it must be. */
  settle(facts: DeviceFacts, hold: Hold | undefined): Promise<{ facts: DeviceFacts; standing: Standing }>
}

/** Rounds of looking again when the device's own calls, or an operator, were faster. */
const ROUNDS = 3

export function createStandings(core: Core): Standings {
  const { gateway } = core
  const { storage } = core.deps

  async function look(facts: DeviceFacts, hold: Hold | undefined): Promise<Outlook> {
    const decision = gateway.decide(facts, ask(hold))
    switch (decision.kind) {
      case 'cancel':
        return cancelling(decision)
      case 'none':
        return isOwnWork(decision.because) && facts.open ? live(facts, facts.open) : none(decision)
      case 'update':
        return decision.open && decision.open.state !== 'pending' ? live(facts, decision.open) : NEWS
    }
  }

  async function settle(facts: DeviceFacts, hold: Hold | undefined) {
    let current = facts
    for (let round = 0; round < ROUNDS; round++) {
      const outlook = await look(current, hold)
      if (outlook.kind !== 'news') return { facts: current, standing: outlook }
      const decision = gateway.decide(current, ask(hold))
      if (decision.kind === 'cancel') await gateway.beginCancel(current, ask(hold))
      else await gateway.grant(current, ask(hold))
      current = (await gateway.find({ by: 'serial', serial: facts.device.serial })) ?? current
    }
    return { facts: current, standing: UNSETTLED }
  }

  /** The files of an update, from what is known already or, for one whose assignment was replaced, from the store. */
  async function live(facts: DeviceFacts, update: Update): Promise<Outlook> {
    const offered = [facts.own, facts.group].flatMap((offer) => offer?.files ?? [])
    const files: FirmwareFile[] = []
    for (const step of update.steps) {
      const known = offered.find(({ firmware }) => firmware.serial === step.firmware)
      const file = known ?? (await loadFile(storage.read, step.firmware))
      if (!file) return UNSETTLED
      files.push(file)
    }
    const because = update.state === 'offered' ? 'assigned' : 'under-way'
    return { kind: 'update', update, version: facts.openVersion ?? files[0]?.firmware.version ?? '', files, because }
  }

  return { look, settle }
}

export function ask(hold: Hold | undefined): AskOptions {
  return { via: NATIVE, reporting: 'progress', ...(hold !== undefined && { hold }) }
}

const NEWS = { kind: 'news' } as const

/** Things are changing under the device's feet: it is asked to come back. */
const UNSETTLED: Standing = {
  kind: 'none',
  because: { kind: 'nothing-assigned' },
  words: 'Things changed at the very moment; ask again.',
  isLasting: false,
}

function cancelling(decision: Decision & { kind: 'cancel' }): Outlook {
  const { update, because } = decision
  if (update.via !== NATIVE) {
    const busy = { kind: 'busy', update: update.id, via: update.via, state: update.state, version: '' } as const
    return none({ kind: 'none', because: busy })
  }
  // A withdrawn update that the device works on, or was only told of, must first be cancelled.
  if (update.state !== 'cancelling') return NEWS
  return { kind: 'cancel', update, because: because.kind, words: explainDecision(decision) }
}

function none(decision: Decision & { kind: 'none' }): Standing {
  return { kind: 'none', because: decision.because, words: explainDecision(decision), isLasting: isLasting(decision) }
}

/** A device at work on a release that is not wanted any more goes on: what is under way ends. */
function isOwnWork(because: NoneBecause): boolean {
  return because.kind === 'busy' && because.via === NATIVE
}
