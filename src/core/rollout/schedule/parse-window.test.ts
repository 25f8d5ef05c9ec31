import { describe, expect, it } from 'vitest'
import { parseWindow, requireZone } from './parse-window.ts'

const DAILY = { kind: 'daily', from: '22:00', to: '04:00', zone: 'Europe/Vienna' }
const ABSOLUTE = { kind: 'absolute', startAt: 1000, endAt: 2000, repeatDaily: false }

describe('a window as given', () => {
  it.each([
    ['daily', DAILY, DAILY],
    ['in the device’s zone', { ...DAILY, zone: 'device' }, { ...DAILY, zone: 'device' }],
    ['days in the order of the week', { ...DAILY, days: ['sun', 'mon'] }, { ...DAILY, days: ['mon', 'sun'] }],
    ['the whole day', { ...DAILY, from: '00:00', to: '00:00' }, { ...DAILY, from: '00:00', to: '00:00' }],
    ['absolute', ABSOLUTE, ABSOLUTE],
    ['not repeating unless it says so', { kind: 'absolute', startAt: 1000, endAt: 2000 }, ABSOLUTE],
    [
      'repeating, whatever the date of its end',
      { ...ABSOLUTE, endAt: 0, repeatDaily: true },
      { ...ABSOLUTE, endAt: 0, repeatDaily: true },
    ],
  ])('%s', (_name, given, expected) => {
    expect(parseWindow(given)).toEqual(expected)
  })

  it.each([
    ['nothing', undefined, 'window'],
    ['text', '22:00-04:00', 'window'],
    ['a list', [DAILY], 'window'],
    ['null', null, 'window'],
    ['no kind', { ...DAILY, kind: undefined }, 'window.kind'],
    ['an unknown kind', { ...DAILY, kind: 'weekly' }, 'window.kind'],
    ['no from', { ...DAILY, from: undefined }, 'window.from'],
    ['24:00', { ...DAILY, to: '24:00' }, 'window.to'],
    ['seconds', { ...DAILY, to: '04:00:00' }, 'window.to'],
    ['one digit', { ...DAILY, from: '8:00' }, 'window.from'],
    ['minutes as a number', { ...DAILY, from: 480 }, 'window.from'],
    ['no zone', { ...DAILY, zone: undefined }, 'window.zone'],
    ['a zone that is none', { ...DAILY, zone: 'Mars/Olympus' }, 'window.zone'],
    ['an offset for a zone', { ...DAILY, zone: '+02:00' }, 'window.zone'],
    ['no day', { ...DAILY, days: [] }, 'window.days'],
    ['an unknown day', { ...DAILY, days: ['monday'] }, 'window.days'],
    ['a day twice', { ...DAILY, days: ['mon', 'mon'] }, 'window.days'],
    ['days as text', { ...DAILY, days: 'mon' }, 'window.days'],
    ['a member of the other kind', { ...DAILY, startAt: 1 }, 'window.startAt'],
    ['a start that is no number', { ...ABSOLUTE, startAt: '2026-01-01' }, 'window.startAt'],
    ['a broken start', { ...ABSOLUTE, startAt: 1.5 }, 'window.startAt'],
    ['a start before 1970', { ...ABSOLUTE, startAt: -1 }, 'window.startAt'],
    ['an end beyond all dates', { ...ABSOLUTE, endAt: 1e16 }, 'window.endAt'],
    ['an end at the start', { ...ABSOLUTE, endAt: 1000 }, 'window.endAt'],
    ['a repetition in words', { ...ABSOLUTE, repeatDaily: 'yes' }, 'window.repeatDaily'],
    ['a zone where none belongs', { ...ABSOLUTE, zone: 'UTC' }, 'window.zone'],
  ])('is refused: %s', (_name, given, field) => {
    expect(() => parseWindow(given)).toThrow(
      expect.objectContaining({ code: 'invalid', details: expect.objectContaining({ field }) }),
    )
  })

  it('names the field under which it was given', () => {
    expect(() => parseWindow({ ...DAILY, to: '' }, 'stages[2].window')).toThrow(
      expect.objectContaining({ details: expect.objectContaining({ field: 'stages[2].window.to' }) }),
    )
  })

  it('takes zones by their IANA name', () => {
    for (const zone of ['UTC', 'Europe/Vienna', 'America/Argentina/Buenos_Aires', 'Etc/GMT+5'])
      expect(requireZone('zone', zone)).toBe(zone)
    for (const zone of ['', 'device', 'Vienna', 'UTC+1', 7, undefined])
      expect(() => requireZone('zone', zone)).toThrow(expect.objectContaining({ code: 'invalid' }))
  })
})
