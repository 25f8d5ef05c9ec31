import { describe, expect, it } from 'vitest'
import { wallClock } from './local-time.ts'
import { type DailyWindow, type Weekday, type Window, windowState } from './window.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const ZONES = { device: undefined, rollout: 'UTC' }

const utc = (text: string) => Date.parse(`${text}Z`)
const iso = (at: number | null) => (at === null ? null : new Date(at).toISOString().slice(0, 16))

const daily = (from: string, to: string, zone: string, days?: readonly Weekday[]): DailyWindow => ({
  kind: 'daily',
  from,
  to,
  zone,
  ...(days && { days }),
})

/** `open until …`, `closed until …`, `open for ever` or `closed for ever`, in UTC. */
const state = (window: Window, now: string, zones: { device: string | undefined; rollout: string } = ZONES) => {
  const found = windowState(window, utc(now), zones)
  const until = iso(found.open ? found.closesAt : found.opensAt)
  return `${found.open ? 'open' : 'closed'} ${until === null ? 'for ever' : `until ${until}`}`
}

describe('a daily window', () => {
  const night = daily('22:00', '04:00', 'UTC')
  const office = daily('08:00', '16:30', 'UTC', ['mon', 'tue', 'wed', 'thu', 'fri'])
  const fridayNight = daily('22:00', '04:00', 'UTC', ['fri'])
  // 2026-03-02 is a Monday.
  it.each([
    ['before it', office, '2026-03-02T07:59', 'closed until 2026-03-02T08:00'],
    ['at its first moment', office, '2026-03-02T08:00', 'open until 2026-03-02T16:30'],
    ['at its last moment', office, '2026-03-02T16:29:59.999', 'open until 2026-03-02T16:30'],
    ['at its end', office, '2026-03-02T16:30', 'closed until 2026-03-03T08:00'],
    ['over a weekend', office, '2026-03-06T17:00', 'closed until 2026-03-09T08:00'],
    ['before midnight', night, '2026-03-02T23:00', 'open until 2026-03-03T04:00'],
    ['after midnight', night, '2026-03-03T03:59', 'open until 2026-03-03T04:00'],
    ['between two nights', night, '2026-03-03T12:00', 'closed until 2026-03-03T22:00'],
    ['the night belongs to the day on which it begins', fridayNight, '2026-03-07T01:00', 'open until 2026-03-07T04:00'],
    ['and not to the one on which it ends', fridayNight, '2026-03-06T01:00', 'closed until 2026-03-06T22:00'],
    ['nor to the next evening', fridayNight, '2026-03-07T22:00', 'closed until 2026-03-13T22:00'],
    ['the whole day, every day', daily('06:00', '06:00', 'UTC'), '2026-03-02T05:00', 'open for ever'],
    [
      'the whole of one day',
      daily('06:00', '06:00', 'UTC', ['mon']),
      '2026-03-03T05:59',
      'open until 2026-03-03T06:00',
    ],
    ['and no longer', daily('06:00', '06:00', 'UTC', ['mon']), '2026-03-03T06:00', 'closed until 2026-03-09T06:00'],
    [
      'two whole days on end',
      daily('00:00', '00:00', 'UTC', ['sat', 'sun']),
      '2026-03-07T12:00',
      'open until 2026-03-09T00:00',
    ],
    ['until midnight', daily('18:00', '00:00', 'UTC', ['mon']), '2026-03-02T20:00', 'open until 2026-03-03T00:00'],
    ['to the second', daily('08:00', '09:00', 'UTC'), '2026-03-02T07:59:59.500', 'closed until 2026-03-02T08:00'],
    ['in winter time', daily('02:00', '04:00', 'Europe/Vienna'), '2026-01-10T00:30', 'closed until 2026-01-10T01:00'],
    ['in summer time', daily('02:00', '04:00', 'Europe/Vienna'), '2026-07-10T00:30', 'open until 2026-07-10T02:00'],
    ['45 minutes off', daily('08:00', '09:00', 'Asia/Kathmandu'), '2026-01-10T02:00', 'closed until 2026-01-10T02:15'],
    [
      'days are those of the zone',
      daily('08:00', '12:00', 'Pacific/Auckland', ['mon']),
      '2026-03-01T20:00',
      'open until 2026-03-01T23:00',
    ],
  ] as const)('%s', (_name, window, now, expected) => {
    expect(state(window, now)).toBe(expected)
  })

  // Vienna puts its clocks from 02:00 to 03:00 on 29 March (01:00 UTC), from 03:00 back to 02:00 on 25 October (01:00 UTC).
  it.each([
    ['spring: over the missing hour', '01:00', '04:00', '2026-03-29T00:30', 'open until 2026-03-29T02:00'],
    ['spring: begins in the missing hour', '02:30', '04:00', '2026-03-29T00:30', 'closed until 2026-03-29T01:00'],
    ['spring: ends in the missing hour', '01:00', '02:30', '2026-03-29T00:30', 'open until 2026-03-29T01:00'],
    ['spring: within the missing hour', '02:10', '02:50', '2026-03-29T00:30', 'closed until 2026-03-30T00:10'],
    ['spring: begins with the missing hour', '02:00', '03:00', '2026-03-29T00:30', 'closed until 2026-03-30T00:00'],
    ['spring: the evening before', '22:00', '05:00', '2026-03-28T21:00', 'open until 2026-03-29T03:00'],
    ['autumn: over the double hour', '01:00', '04:00', '2026-10-24T23:30', 'open until 2026-10-25T03:00'],
    ['autumn: ends in the double hour', '01:00', '02:30', '2026-10-24T23:30', 'open until 2026-10-25T00:30'],
    ['autumn: the same, in between', '01:00', '02:30', '2026-10-25T00:45', 'closed until 2026-10-25T01:00'],
    ['autumn: the same, once more', '01:00', '02:30', '2026-10-25T01:10', 'open until 2026-10-25T01:30'],
    ['autumn: begins in the double hour', '02:30', '04:00', '2026-10-25T00:30', 'open until 2026-10-25T01:00'],
    ['autumn: the same, in between', '02:30', '04:00', '2026-10-25T01:10', 'closed until 2026-10-25T01:30'],
    ['autumn: the double hour itself', '02:00', '03:00', '2026-10-25T00:30', 'open until 2026-10-25T02:00'],
    ['autumn: the whole day', '02:30', '02:30', '2026-10-25T00:30', 'open for ever'],
  ] as const)('%s', (_name, from, to, now, expected) => {
    expect(state(daily(from, to, 'Europe/Vienna'), now)).toBe(expected)
  })

  it('waits another week where the missing hour was all of it', () => {
    expect(state(daily('02:10', '02:50', 'Europe/Vienna', ['sun']), '2026-03-28T12:00')).toBe(
      'closed until 2026-04-05T00:10',
    )
  })

  it.each([
    ['the zone of the device', 'Asia/Tokyo', 'open until 2026-03-02T00:00'],
    ['the rollout’s, when the device’s is not known', undefined, 'closed until 2026-03-02T07:00'],
    ['the rollout’s, when the device’s is none', 'Mars/Olympus', 'closed until 2026-03-02T07:00'],
    ['the rollout’s, when the device gives an offset', '+09:00', 'closed until 2026-03-02T07:00'],
    ['the rollout’s, when the device gives nothing', '', 'closed until 2026-03-02T07:00'],
    ['the rollout’s, when the device gives rubbish', 'x'.repeat(5000), 'closed until 2026-03-02T07:00'],
  ] as const)('goes by %s', (_name, device, expected) => {
    const window = daily('08:00', '09:00', 'device')
    expect(state(window, '2026-03-01T23:30', { device, rollout: 'Europe/Vienna' })).toBe(expected)
  })

  it('goes by its own zone, whatever the device’s', () => {
    const zones = { device: 'Asia/Tokyo', rollout: 'Europe/Vienna' }
    expect(state(daily('08:00', '09:00', 'UTC'), '2026-03-01T23:30', zones)).toBe('closed until 2026-03-02T08:00')
  })
})

/** What a person with a watch would say: minute by minute, by the words that a formatter prints. */
function watcher(window: DailyWindow): (at: number) => boolean {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: window.zone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
  })
  const days: readonly string[] = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']
  const isOn = (day: string) => !window.days || window.days.some((one) => one === day)
  return (at) => {
    const [weekday = '', time = ''] = format.format(at).toLowerCase().split(/,? /)
    const yesterday = days[(days.indexOf(weekday) + 6) % 7] ?? ''
    if (window.from < window.to) return window.from <= time && time < window.to && isOn(weekday)
    return (time >= window.from && isOn(weekday)) || (time < window.to && isOn(yesterday))
  }
}

describe('a daily window, watched minute by minute', () => {
  it.each([
    ['Vienna, spring', 'Europe/Vienna', '2026-03-27T00:00'],
    ['Vienna, autumn', 'Europe/Vienna', '2026-10-23T00:00'],
    ['New York, spring', 'America/New_York', '2026-03-06T00:00'],
    ['Newfoundland, autumn, half an hour off', 'America/St_Johns', '2026-10-30T00:00'],
    ['Lord Howe, which moves by half an hour', 'Australia/Lord_Howe', '2026-04-03T00:00'],
    ['Casablanca, after Ramadan', 'Africa/Casablanca', '2026-03-20T00:00'],
    ['Santiago, which moves at midnight', 'America/Santiago', '2026-09-04T00:00'],
    ['Samoa, which left out a Friday', 'Pacific/Apia', '2011-12-28T00:00'],
  ] as const)('%s', (_name, zone, start) => {
    const from = utc(start)
    const minutes = 6 * 24 * 60
    for (const window of [
      daily('02:00', '04:00', zone),
      daily('02:15', '02:45', zone),
      daily('01:30', '02:30', zone, ['sun']),
      daily('23:30', '00:30', zone, ['sat', 'fri']),
      daily('02:30', '02:30', zone, ['sun', 'fri']),
      daily('22:00', '06:00', zone),
    ]) {
      const isOpen = watcher(window)
      const seen = Array.from({ length: minutes }, (_, at) => isOpen(from + at * MINUTE))
      for (let at = 0; at < minutes; at += 53) {
        const found = windowState(window, from + at * MINUTE, ZONES)
        const until = found.open ? found.closesAt : found.opensAt
        const flip = seen.findIndex((open, later) => later > at && open !== found.open)
        expect(found.open).toBe(seen[at])
        if (flip >= 0) expect(iso(until)).toBe(iso(from + flip * MINUTE))
        else expect(until === null || until >= from + minutes * MINUTE).toBe(true)
      }
    }
  })

  it('reads the clock on the wall to the millisecond', () => {
    expect(wallClock('Asia/Kathmandu', utc('2026-01-01T00:00:01.234'))).toBe(utc('2026-01-01T05:45:01.234'))
    expect(wallClock('UTC', -1)).toBe(-1)
    expect(() => wallClock('Mars/Olympus', 0)).toThrow(RangeError)
  })
})

describe('an absolute window', () => {
  const START = '2026-03-02T22:00'
  const absolute = (end: string, repeatDaily: boolean): Window => ({
    kind: 'absolute',
    startAt: utc(START),
    endAt: utc(end),
    repeatDaily,
  })
  const once = absolute('2026-03-05T04:00', false)
  const nightly = absolute('2026-03-03T04:00', true)

  it.each([
    ['once: before', once, '2026-03-02T21:59', 'closed until 2026-03-02T22:00'],
    ['once: from its start', once, START, 'open until 2026-03-05T04:00'],
    ['once: at its end', once, '2026-03-05T04:00', 'closed for ever'],
    ['daily: before the first', nightly, '2026-03-01T23:00', 'closed until 2026-03-02T22:00'],
    ['daily: the first', nightly, START, 'open until 2026-03-03T04:00'],
    ['daily: its end', nightly, '2026-03-03T04:00', 'closed until 2026-03-03T22:00'],
    ['daily: months later', nightly, '2026-09-09T01:00', 'open until 2026-09-09T04:00'],
    ['daily: no clock is put forward', nightly, '2026-03-29T03:59:59', 'open until 2026-03-29T04:00'],
    ['daily: a later date of the end', absolute('2026-06-09T23:00', true), START, 'open until 2026-03-02T23:00'],
    ['daily: an earlier date of the end', absolute('2020-01-01T23:00', true), START, 'open until 2026-03-02T23:00'],
    ['daily: an end before the start wraps', absolute('2026-03-02T21:00', true), START, 'open until 2026-03-03T21:00'],
    ['daily: the same time of day is always', absolute('2026-03-09T22:00', true), '2026-05-01T00:00', 'open for ever'],
    [
      'daily: the same, before',
      absolute('2026-03-09T22:00', true),
      '2026-03-01T00:00',
      'closed until 2026-03-02T22:00',
    ],
    [
      'daily: all but a second',
      absolute('2026-03-03T21:59:59', true),
      '2026-03-03T21:59:58',
      'open until 2026-03-03T21:59',
    ],
  ] as const)('%s', (_name, window, now, expected) => {
    expect(state(window, now)).toBe(expected)
  })

  it('lasts the same in every period', () => {
    for (let day = 0; day < 400; day++)
      expect(windowState(nightly, utc(START) + day * 24 * HOUR, ZONES)).toEqual({
        open: true,
        closesAt: utc(START) + day * 24 * HOUR + 6 * HOUR,
      })
  })
})
