import { describe, expect, it } from 'vitest'
import { EXIT } from '../exit.ts'
import { secondsOf } from '../options/duration.ts'
import { parseStage } from './stage-grammar.ts'

describe('a stage on the command line', () => {
  it.each<[string, object]>([
    ['5%', { percent: 5 }],
    ['0.5%', { percent: 0.5 }],
    ['10', { count: 10 }],
    ['group:pilot', { groups: ['pilot'] }],
    ['group:pilot+lab', { groups: ['pilot', 'lab'] }],
    ['5%, soak=1h, threshold=99.5%', { percent: 5, soakSeconds: 3600, successThreshold: 99.5 }],
    ['5%,threshold=0,matured=20,approvals=2', { percent: 5, successThreshold: 0, minMatured: 20, approvals: 2 }],
    [
      '100%,concurrency=50,rate=100,spread=30m',
      { percent: 100, concurrency: 50, ratePerMinute: 100, spreadSeconds: 1800 },
    ],
    ['100%,window=22:00-05:00', { percent: 100, window: { kind: 'daily', from: '22:00', to: '05:00' } }],
    [
      '1,days=sat+sun,window=02:00-05:00@device',
      { count: 1, window: { kind: 'daily', from: '02:00', to: '05:00', zone: 'device', days: ['sat', 'sun'] } },
    ],
    [
      '1,window=02:00-05:00@America/Port-au-Prince',
      { count: 1, window: { kind: 'daily', from: '02:00', to: '05:00', zone: 'America/Port-au-Prince' } },
    ],
  ])('%s', (text, stage) => {
    expect(parseStage(text)).toEqual(stage)
  })

  it.each([
    ['', 'begins with none of 5%, 10 and group:KEY'],
    ['pilot', 'begins with none of 5%, 10 and group:KEY'],
    ['group:', 'begins with none of'],
    ['-5%', 'begins with none of'],
    ['5%,soak', 'is not a time such as 90s'],
    ['5%,soak=1y', '"1y" is not a time such as 90s'],
    ['5%,pause=1h', '"pause" is not one of soak, threshold'],
    ['5%,soak=1h,soak=2h', 'soak is given twice'],
    ['5%,threshold=high', '"high" is not a share'],
    ['5%,approvals=1.5', '"1.5" is not a whole number'],
    ['5%,window=2:00-5:00', 'is not a time of day to another'],
    ['5%,window=night', 'is not a time of day to another'],
    ['5%,days=sat', 'days need a window'],
    ['5%,window=02:00-05:00,days=sat+caturday', '"caturday" is not one of mon, tue'],
    ['5%,constructor=1', '"constructor" is not one of'],
  ])('%s is wrong usage', (text, words) => {
    expect(() => parseStage(text)).toThrow(
      expect.objectContaining({ exitCode: EXIT.usage, message: expect.stringContaining(words) }),
    )
  })
})

it.each([
  ['90', 90],
  ['90s', 90],
  ['5m', 300],
  ['1h30m', 5400],
  ['2d', 172_800],
  ['0', 0],
  ['', undefined],
  ['h', undefined],
  ['1.5h', undefined],
  ['-1h', undefined],
  ['1 h', undefined],
])('a time of "%s" is %j seconds', (text, seconds) => {
  expect(secondsOf(text)).toBe(seconds)
})
