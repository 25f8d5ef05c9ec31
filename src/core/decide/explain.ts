import { explainRollout, isOfRollout } from '../rollout/explain-rollout.ts'
import { barrierInWords } from '../rollout/guards/barrier-in-words.ts'
import type { CancelBecause, Decision, NoneBecause, UpdateBecause } from './decision.ts'

const GROUP_IGNORED =
  'Nothing is assigned to the device itself. Its group has an assignment, which it gets only if it is configured to ask as a member of the group.'

type Because = UpdateBecause | NoneBecause | CancelBecause

/** The decision in one sentence that an operator understands; every `because` has its words here. */
export function explainDecision(decision: Decision): string {
  const { because } = decision
  const version = decision.kind === 'update' ? decision.offer.version : ''
  return explainBecause(because, version)
}

/** One reason in words. `version`: of the release that it is about, where it is one to update. */
export function explainBecause(because: Because, version = ''): string {
  if (isOfRollout(because)) return explainRollout(because)
  switch (because.kind) {
    case 'assigned':
      return `It will be offered ${version}, which is assigned to ${because.target === 'device' ? 'this device' : 'its group'}.`
    case 'rollout':
      return `It will be offered ${version || 'the release'} by rollout ${because.rollout.key}, stage ${because.stage} of ${because.stages}.`
    case 'floor':
      return `It must install ${because.version} first, on its way to ${because.towards}: ${because.reason}.`
    case 'under-way':
      return `It is updating to ${version}: ${because.state}.`
    case 'disabled':
      return 'The device is disabled; it is offered nothing.'
    case 'nothing-assigned':
      return because.groupIgnored ? GROUP_IGNORED : 'Nothing is assigned to the device or its group.'
    case 'chooses-itself':
      return `Devices of product ${because.product} choose from its catalogue over this protocol; assignments and rollouts reach them only if the product is managed.`
    case 'frozen':
      return `Nothing new is offered while the ${because.scope} is frozen.`
    case 'withdrawn':
      return `Version ${because.version} was withdrawn; it is refused everywhere.`
    case 'other-product':
      return `Release ${because.release} is for another product than the device's.`
    case 'busy':
      return `An update to ${because.version || 'another release'} is under way over ${because.via}: ${because.state}. It must end first.`
    case 'retry-later':
      return `Attempt ${because.attempt} failed${because.reason ? ` (${because.reason})` : ''}; the next is offered from ${new Date(because.until).toISOString()}.`
    case 'called-off':
      return `Its update to ${because.version} was cancelled by an operator; it is offered again once it is assigned again.`
    case 'held-back':
      return because.by === 'metered'
        ? 'The device is on a metered connection; it is offered nothing new for now.'
        : 'The battery of the device is low; it is offered nothing new for now.'
    case 'no-path': {
      const runs = `It runs ${because.from ?? 'an unknown version'}`
      if (because.barrier) return `${runs}; there is no way to ${because.to}: ${barrierInWords(because.barrier)}.`
      return `${runs}; ${because.to} can be installed only from ${because.needs}. There is no way there.`
    }
    case 'cancelled':
      return 'Its update was cancelled by an operator; the device is asked to stop.'
    case 'up-to-date':
      return `It runs ${because.version} already.`
  }
}
