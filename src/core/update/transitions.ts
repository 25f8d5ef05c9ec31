import { isOpen, type OpenState, type UpdateState } from './update.ts'

/** Every state but the one in which updates are born. */
export type MovedState = Exclude<UpdateState, 'pending'>

/** What can happen to an update. */
export type Trigger =
  | 'offer' // the device was told
  | 'download' // it asked for the bytes
  | 'downloaded' // it has them all
  | 'install' // it says that it is at work
  | 'succeed' // it runs the new version
  | 'fail'
  | 'roll-back' // it runs the old version again after installing
  | 'cancel' // an operator wants it ended
  | 'acknowledge-cancel'
  | 'supersede' // another release took its place
  | 'deliver' // sent whole over a protocol that tells no more
  | 'time-out' // nothing was heard of it for too long

const ENDS = { succeed: 'succeeded', fail: 'failed', supersede: 'superseded' } as const
const LATE = { 'time-out': 'failed' } as const

/** The whole life of an update as one table; what is absent leaves the state as it is. */
export const TRANSITIONS: Readonly<Record<OpenState, Partial<Record<Trigger, MovedState>>>> = {
  pending: { ...ENDS, offer: 'offered', download: 'downloading', install: 'installing', cancel: 'cancelled' },
  offered: {
    ...ENDS,
    ...LATE,
    download: 'downloading',
    downloaded: 'downloaded',
    install: 'installing',
    cancel: 'cancelled',
    deliver: 'delivered',
  },
  downloading: {
    ...ENDS,
    ...LATE,
    downloaded: 'downloaded',
    install: 'installing',
    'roll-back': 'rolled-back',
    cancel: 'cancelling',
    deliver: 'delivered',
  },
  downloaded: {
    ...ENDS,
    ...LATE,
    install: 'installing',
    'roll-back': 'rolled-back',
    cancel: 'cancelling',
    deliver: 'delivered',
  },
  installing: { ...ENDS, ...LATE, 'roll-back': 'rolled-back', cancel: 'cancelling' },
  cancelling: { ...ENDS, 'acknowledge-cancel': 'cancelled', 'roll-back': 'rolled-back', 'time-out': 'cancelled' },
}

/**
 * The state after `trigger`, or undefined when it changes nothing. A closed update never reopens, so late and duplicate
 * reports are undefined here and harmless.
 */
export function nextState(state: UpdateState, trigger: Trigger): MovedState | undefined {
  return isOpen(state) ? TRANSITIONS[state][trigger] : undefined
}
