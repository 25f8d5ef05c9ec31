import type { Millis } from '../common.ts'
import type { CoreLimits } from '../limits.ts'
import { isOpen, type OpenState, type OwnTimeOuts, type TimeOuts, type UpdateState } from './update.ts'

type TimeOutLimits = Pick<
  CoreLimits,
  | 'updateOfferedSeconds'
  | 'updateDownloadingSeconds'
  | 'updateDownloadedSeconds'
  | 'updateInstallingSeconds'
  | 'updateCancellingSeconds'
>

/** The time-outs that hold for an update: its own, else the server's. A limit of 0 is none. */
export function timeOutsOf(limits: TimeOutLimits, own: OwnTimeOuts | null): TimeOuts {
  return {
    offered: limits.updateOfferedSeconds || null,
    downloading: limits.updateDownloadingSeconds || null,
    downloaded: limits.updateDownloadedSeconds || null,
    installing: limits.updateInstallingSeconds || null,
    cancelling: limits.updateCancellingSeconds || null,
    work: null,
    workFrom: 'download',
    offeredExpiry: 'fail',
    reason: null,
    ...own,
  }
}

/**
 * Over protocols whose devices report nothing, a device that has all bytes may be silent for as long as it likes: what
 * became of them is inferred from its next question, or never known. A broken transfer times out like any other.
 */
export function forSilentDevices(own: OwnTimeOuts | null): OwnTimeOuts {
  const { work, ...others } = own ?? {}
  return { ...others, ...(work != null && { downloading: work }), work: null, downloaded: null }
}

/** A step of an update. */
export interface Step {
  readonly from: UpdateState
  readonly to: UpdateState
  readonly now: Millis
  /** The deadline before the step. */
  readonly deadline: Millis | null
}

/** When an update that makes this step times out; null = never, or it has ended. */
export function deadlineOf({ from, to, now, deadline }: Step, timeOuts: TimeOuts): Millis | null {
  if (!isOpen(to)) return null
  if (!isClocked(to, timeOuts)) return after(now, ownSeconds(to, timeOuts))
  return isClocked(from, timeOuts) && deadline !== null ? deadline : after(now, timeOuts.work)
}

/** The deadline after news that leave the state as it is: pushed back, but for the one clock over the whole work. */
export function deadlineAfterNews(
  update: { readonly state: UpdateState; readonly deadline: Millis | null },
  now: Millis,
  timeOuts: TimeOuts,
): Millis | null {
  const { state, deadline } = update
  if (deadline === null || !isOpen(state) || isClocked(state, timeOuts)) return deadline
  return after(now, ownSeconds(state, timeOuts))
}

/** Why an update in this state ended by itself, in words. */
export function timeOutReason(state: UpdateState, timeOuts: TimeOuts): string {
  if (state === 'cancelling') return `the device did not confirm the cancellation for ${inWords(timeOuts.cancelling)}`
  if (timeOuts.reason !== null) return timeOuts.reason
  if (isClocked(state, timeOuts)) {
    const since = timeOuts.workFrom === 'offered' ? 'the offer' : 'the device began'
    return `not done ${inWords(timeOuts.work)} after ${since}`
  }
  const seconds = isOpen(state) ? ownSeconds(state, timeOuts) : null
  return `no news while ${state} for ${inWords(seconds)}`
}

/** Whether an offer that was not taken up in time only stops being waited for. */
export function onlyStopsWaiting(state: UpdateState, timeOuts: TimeOuts): boolean {
  return state === 'offered' && timeOuts.offeredExpiry === 'release-slot' && !isClocked(state, timeOuts)
}

/** Whether the one clock over the whole work runs in this state. */
function isClocked(state: UpdateState, { work, workFrom }: TimeOuts): boolean {
  if (work === null) return false
  if (state === 'offered') return workFrom === 'offered'
  return state === 'downloading' || state === 'downloaded' || state === 'installing'
}

function ownSeconds(state: OpenState, timeOuts: TimeOuts): number | null {
  return state === 'pending' ? null : timeOuts[state]
}

function after(now: Millis, seconds: number | null): Millis | null {
  return seconds === null ? null : now + Math.round(seconds * 1000)
}

const UNITS = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
] as const

/** In the largest unit in which it is a whole number. */
function inWords(seconds: number | null): string {
  if (seconds === null) return 'ever'
  const [unit, size] = UNITS.find(([, one]) => seconds >= one && seconds % one === 0) ?? ['s', 1]
  return `${seconds / size} ${unit}`
}
