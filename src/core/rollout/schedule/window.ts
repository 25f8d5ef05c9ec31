import type { Millis } from '../../common.ts'
import { clockChange, isZone, wallClock } from './local-time.ts'

export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
export type Weekday = (typeof WEEKDAYS)[number]

/**
 * Open while the clock on the wall of its zone shows `from` or later and not yet `to`. Where `to` is not after `from`, it
 * wraps past midnight and belongs to the day on which it begins; equal ones mean the whole 24 hours from `from` on.
 * Where the clock is put forward over it, it is shorter or left out; where the clock is put back into it, the hour that
 * the wall shows twice counts twice.
 */
export interface DailyWindow {
  readonly kind: 'daily'
  /** `HH:MM`, 00:00 to 23:59. */
  readonly from: string
  readonly to: string
  /** The days on which it begins; absent = all. */
  readonly days?: readonly Weekday[]
  /** IANA name, or `device` for the zone of each device. */
  readonly zone: string
}

/**
 * Once from `startAt` to `endAt`; or, with `repeatDaily`, every 24 hours from `startAt` on for the time of day from
 * `startAt` to `endAt`, whatever the date of `endAt`; equal times of day mean always from `startAt` on. Hours are
 * absolute: no zone moves them.
 */
export interface AbsoluteWindow {
  readonly kind: 'absolute'
  readonly startAt: Millis
  readonly endAt: Millis
  readonly repeatDaily: boolean
}

/** When a stage may grant. */
export type Window = DailyWindow | AbsoluteWindow

export type WindowState =
  /** Grants until `closesAt`; null = it never closes. */
  | { readonly open: true; readonly closesAt: Millis | null }
  /** Grants from `opensAt`; null = never again. */
  | { readonly open: false; readonly opensAt: Millis | null }

export interface Zones {
  /** What is known of the device's zone; not trusted to be one. */
  readonly device: string | undefined
  /** The rollout's, for devices whose zone is not known or is none. */
  readonly rollout: string
}

const MINUTE = 60_000
const DAY = 86_400_000

/** Whether the window is open at `now`, and when that changes; half-open: it is closed at the very end. */
export function windowState(window: Window, now: Millis, zones: Zones): WindowState {
  if (window.kind === 'daily') return dailyState(window, now, zoneOf(window, zones))
  return window.repeatDaily ? repeatedState(window, now) : onceState(window, now)
}

function onceState({ startAt, endAt }: AbsoluteWindow, now: Millis): WindowState {
  if (now < startAt) return { open: false, opensAt: startAt }
  return now < endAt ? { open: true, closesAt: endAt } : { open: false, opensAt: null }
}

function repeatedState({ startAt, endAt }: AbsoluteWindow, now: Millis): WindowState {
  if (now < startAt) return { open: false, opensAt: startAt }
  const length = modulo(endAt - startAt, DAY)
  if (length === 0) return { open: true, closesAt: null }
  const began = now - modulo(now - startAt, DAY)
  return now < began + length ? { open: true, closesAt: began + length } : { open: false, opensAt: began + DAY }
}

/** Steps from one edge of the window to the next, and over changes of the clock, until it is open or closed otherwise. */
function dailyState(window: DailyWindow, now: Millis, zone: string): WindowState {
  const open = isOpenAt(window, wallClock(zone, now))
  const horizon = now + 16 * DAY
  let at = now
  while (at < horizon) {
    const edge = at + untilNextEdge(window, wallClock(zone, at))
    at = clockChange(zone, at, edge) ?? edge
    if (isOpenAt(window, wallClock(zone, at)) !== open)
      return open ? { open, closesAt: at } : { open: false, opensAt: at }
  }
  return open ? { open, closesAt: null } : { open, opensAt: null }
}

function isOpenAt({ from, to, days }: DailyWindow, wall: Millis): boolean {
  const time = modulo(wall, DAY)
  const [begins, ends] = [minutesOf(from) * MINUTE, minutesOf(to) * MINUTE]
  const isOn = (day: Millis) => !days || days.includes(weekdayOf(day))
  if (begins < ends) return begins <= time && time < ends && isOn(wall)
  return (time >= begins && isOn(wall)) || (time < ends && isOn(wall - DAY))
}

function untilNextEdge({ from, to }: DailyWindow, wall: Millis): Millis {
  const until = (edge: string) => modulo(minutesOf(edge) * MINUTE - wall, DAY) || DAY
  return Math.min(until(from), until(to))
}

function weekdayOf(wall: Millis): Weekday {
  return WEEKDAYS[modulo(Math.floor(wall / DAY) + 3, 7)] ?? 'mon'
}

function zoneOf(window: DailyWindow, { device, rollout }: Zones): string {
  if (window.zone !== 'device') return window.zone
  return device !== undefined && isZone(device) ? device : rollout
}

function minutesOf(time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3))
}

function modulo(value: number, divisor: number): number {
  return ((value % divisor) + divisor) % divisor
}
