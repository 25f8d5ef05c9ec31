import type { Millis } from '../../common.ts'
import { invalid } from '../../errors.ts'
import { isZone } from './local-time.ts'
import { type AbsoluteWindow, type DailyWindow, WEEKDAYS, type Weekday, type Window } from './window.ts'

type Given = Readonly<Record<string, unknown>>

/** The largest instant that a date can be. */
const LATEST = 8_640_000_000_000_000

/** A window as given by an operator, days in the order of the week. Throws `invalid`, naming the member below `field`. */
export function parseWindow(value: unknown, field = 'window'): Window {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(field, 'must be an object')
  const given: Given = { ...value }
  switch (given['kind']) {
    case 'daily':
      return dailyFrom(given, field)
    case 'absolute':
      return absoluteFrom(given, field)
    default:
      throw invalid(`${field}.kind`, 'must be daily or absolute')
  }
}

/** Throws `invalid` unless `value` is a zone of the IANA database. */
export function requireZone(field: string, value: unknown): string {
  if (typeof value !== 'string' || !isZone(value))
    throw invalid(field, 'must be a time zone of the IANA database, such as Europe/Vienna or UTC')
  return value
}

function dailyFrom(given: Given, field: string): DailyWindow {
  refuseOthers(given, ['kind', 'from', 'to', 'days', 'zone'], field)
  const days = given['days'] === undefined ? undefined : daysFrom(given['days'], `${field}.days`)
  return {
    kind: 'daily',
    from: timeFrom(given['from'], `${field}.from`),
    to: timeFrom(given['to'], `${field}.to`),
    ...(days && { days }),
    zone: given['zone'] === 'device' ? 'device' : requireZone(`${field}.zone`, given['zone']),
  }
}

function absoluteFrom(given: Given, field: string): AbsoluteWindow {
  refuseOthers(given, ['kind', 'startAt', 'endAt', 'repeatDaily'], field)
  const { repeatDaily = false } = given
  if (typeof repeatDaily !== 'boolean') throw invalid(`${field}.repeatDaily`, 'must be true or false')
  const startAt = instantFrom(given['startAt'], `${field}.startAt`)
  const endAt = instantFrom(given['endAt'], `${field}.endAt`)
  if (!repeatDaily && endAt <= startAt) throw invalid(`${field}.endAt`, 'must be after startAt')
  return { kind: 'absolute', startAt, endAt, repeatDaily }
}

function timeFrom(value: unknown, field: string): string {
  if (typeof value !== 'string' || !/^([01]\d|2[0-3]):[0-5]\d$/.test(value))
    throw invalid(field, 'must be a time of day from 00:00 to 23:59')
  return value
}

function daysFrom(value: unknown, field: string): readonly Weekday[] {
  if (!Array.isArray(value) || value.length === 0) throw invalid(field, 'must name at least one day')
  for (const day of value)
    if (!WEEKDAYS.some((known) => known === day)) throw invalid(field, `must be of ${WEEKDAYS.join(', ')}`)
  if (new Set(value).size !== value.length) throw invalid(field, 'must differ')
  return WEEKDAYS.filter((day) => value.includes(day))
}

function instantFrom(value: unknown, field: string): Millis {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > LATEST)
    throw invalid(field, 'must be a whole number of milliseconds since 1970')
  return value
}

function refuseOthers(given: Given, known: readonly string[], field: string): void {
  const other = Object.keys(given).find((name) => !known.includes(name))
  if (other !== undefined) throw invalid(`${field}.${other}`, 'is not a member of such a window')
}
