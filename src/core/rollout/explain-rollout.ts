import type { CancelBecause, NoneBecause, UpdateBecause } from '../decide/decision.ts'
import type { RolloutBecause } from './because.ts'
import { devicesInWords as devices, timeInWords as time } from './in-words.ts'

type Stopped = CancelBecause & { kind: 'rollout-stopped' }
type Explained = RolloutBecause | Stopped

/** Whether a reason is a rollout's and so has its words here. */
export function isOfRollout(because: UpdateBecause | NoneBecause | CancelBecause): because is Explained {
  return 'rollout' in because && because.kind !== 'rollout'
}

const hold = (count: number): string => (count === 1 ? 'holds' : 'hold')

/** Why a rollout grants a device nothing, in a sentence that an operator understands. */
export function explainRollout(because: Explained): string {
  const of = `Rollout ${because.rollout.key}`
  switch (because.kind) {
    case 'not-selected':
      return `${of} is not for it: ${because.reason}.`
    case 'snapshot-being-taken':
      return `${of} is still making the list of its devices.`
    case 'excluded':
      return `It was taken out of rollout ${because.rollout.key}${because.reason ? `: ${because.reason}` : ''}.`
    case 'cancelled-here':
      return `Its update to ${because.version} was cancelled; rollout ${because.rollout.key} offers it again once it is told to retry the device.`
    case 'rollout-paused':
      return `${of} is paused.`
    case 'push-only':
      return `${of} is only pushed; devices cannot ask for it.`
    case 'rollout-stopped':
      return `${of} is stopped${because.words ? `: ${because.words}` : '.'}`
    case 'verification-pending':
      return `Version ${because.version} must be verified on a few devices before rollout ${because.rollout.key} may use it.`
    case 'floor-verification-pending':
      return `It must install ${because.floor} on its way to ${because.version} (${because.reason}), and that must be verified on a few devices before rollout ${because.rollout.key} may use it.`
    case 'downgrade':
      return because.isForbidden
        ? `It runs ${because.from}, and its product forbids going back to ${because.to}.`
        : `It runs ${because.from}, which is newer than ${because.to}; rollout ${because.rollout.key} does not allow downgrades.`
    case 'incomparable':
      return `Whether ${because.to} is newer than ${because.from}, which it runs, cannot be told: give both a sequence, or allow downgrades in rollout ${because.rollout.key}.`
    case 'gave-up':
      return `It failed ${because.attempts === 1 ? 'once' : `${because.attempts} times`}${because.reason ? ` (${because.reason})` : ''}; rollout ${because.rollout.key} tries no more unless it is told to retry.`
    case 'done-before':
      return `Rollout ${because.rollout.key} updated it to ${because.version} before; ${because.runs === null ? 'what it runs now is not known' : `it runs ${because.runs} now`}. It is not updated twice unless the rollout is told to retry.`
    case 'penalty-box':
      return `Its last ${because.failures} updates failed; it is left alone until ${time(because.until)}.`
    case 'stage-not-reached':
      return because.stage === null
        ? `No stage of rollout ${because.rollout.key} is for it.`
        : `It belongs to stage ${because.stage} of rollout ${because.rollout.key}, which is at stage ${because.current}.`
    case 'stage-full':
      return `Stage ${because.stage} of rollout ${because.rollout.key} is for ${devices(because.devices)}, which all came before it.`
    case 'awaiting-approval':
      return `Stage ${because.stage} of rollout ${because.rollout.key} waits for the approval of ${because.approvals === 1 ? 'one person' : 'two people'}.`
    case 'window-closed':
      return because.opensAt === null
        ? `The window of stage ${because.stage} of rollout ${because.rollout.key} is over and does not open again.`
        : `The window of stage ${because.stage} of rollout ${because.rollout.key} opens at ${time(because.opensAt)}.`
    case 'spread-out':
      return `Devices of stage ${because.stage} of rollout ${because.rollout.key} are spread over time; its turn comes at ${time(because.until)}.`
    case 'slots-taken':
      return `${because.taken} of ${because.limit} slots of stage ${because.stage} of rollout ${because.rollout.key} are taken.`
    case 'rate-reached':
      return `Stage ${because.stage} of rollout ${because.rollout.key} grants ${because.perMinute} a minute; the next from ${time(because.until)}.`
    case 'health-hold':
      return `${devices(because.holding)} of rollout ${because.rollout.key} ${hold(because.holding)} the release without a verdict; ${because.allowance} may at once until more have matured.`
    case 'cohort-hold':
      return `${devices(because.holding)} like it (${because.cohort}) in rollout ${because.rollout.key} ${hold(because.holding)} the release without a verdict; more follow once these have matured.`
    case 'cohort-stopped':
      return `Devices like it (${because.cohort}) are excluded from rollout ${because.rollout.key}: ${because.words}`
    case 'unverifiable-hold':
      return `What became of ${devices(because.granted)} of rollout ${because.rollout.key} cannot be verified over their protocol; going on needs approval.`
    case 'previous-unknown':
      return `${of} cannot return it: what it ran before is not known.`
    case 'previous-missing':
      return `${of} cannot return it to ${because.version}: that firmware is gone or withdrawn.`
  }
}
