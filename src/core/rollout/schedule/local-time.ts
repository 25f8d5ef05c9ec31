import { BoundedMap } from '../../bounded-map.ts'
import type { Millis } from '../../common.ts'

const MINUTE = 60_000

/** There are about 600 zones with their aliases; names that devices make up must not push the real ones out for long. */
const formatters = new BoundedMap<string, Intl.DateTimeFormat | null>(1000)

/** Under load many devices ask within one minute, about the same edges of the same windows. */
const offsets = new BoundedMap<string, Millis>(2000)

/** Whether `name` is a time zone of the IANA database, such as `Europe/Vienna` or `UTC`. */
export function isZone(name: string): boolean {
  return formatterOf(name) !== null
}

/**
 * What the clock on the wall of a zone shows at an instant, written as if it were UTC: milliseconds whose UTC fields are
 * the local ones. `zone` must be one.
 */
export function wallClock(zone: string, at: Millis): Millis {
  const minute = Math.floor(at / MINUTE)
  const key = `${zone} ${minute}`
  const known = offsets.get(key)
  if (known !== undefined) return at + known
  const offset = offsetAt(zone, minute * MINUTE)
  offsets.set(key, offset)
  return at + offset
}

function offsetAt(zone: string, at: Millis): Millis {
  const format = formatterOf(zone)
  if (!format) throw new RangeError(`${zone} is not a time zone`)
  const fields = format.format(at).split(/\D+/)
  const [month = 0, day = 0, year = 0, hour = 0, minute = 0, second = 0] = fields.map(Number)
  return Date.UTC(year, month - 1, day, hour, minute, second) - at
}

/**
 * The first instant after `at` at which the zone's clock shows another reading than one that ran on evenly from `at` to
 * `until`; undefined when it runs evenly. Exact to the minute, as every change of a clock is.
 */
export function clockChange(zone: string, at: Millis, until: Millis): Millis | undefined {
  const offset = wallClock(zone, at) - at
  if (wallClock(zone, until) - until === offset) return undefined
  let [before, after] = [Math.floor(at / MINUTE), Math.ceil(until / MINUTE)]
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2)
    if (wallClock(zone, middle * MINUTE) - middle * MINUTE === offset) before = middle
    else after = middle
  }
  return after * MINUTE
}

function formatterOf(zone: string): Intl.DateTimeFormat | null {
  const known = formatters.get(zone)
  if (known !== undefined) return known
  const made = makeFormatter(zone)
  formatters.set(zone, made)
  return made
}

function makeFormatter(zone: string): Intl.DateTimeFormat | null {
  // Offsets such as +02:00 are no names of zones: they would be wrong for half a year.
  if (!/^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/.test(zone)) return null
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
  } catch {
    return null
  }
}
