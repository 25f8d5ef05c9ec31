import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PageRun } from '../support/page-run.ts'

/** What a reader sees when the commands under a heading have run. */
const EXPECTED: Readonly<Record<string, readonly (string | RegExp)[]>> = {
  'A tour of five minutes for each protocol': ['greenhouse-1', 'tracker-1', 'truck-17', 'turbine-7'],
  'Spoke.Zone': [/"version":"1.2.3".*"isActive":true/s, /"version":"1.3.0"/],
  IoTaaP: ['{"ver":"1.4.0"}', '{"message":"Firmware successfully deployed"}', '{"ver":"1.5.0"}'],
  EnOS: [/"code":0,"msg":"OK".*"version":"5.2.0"/s, 'command-payload', '5.2.0'],
  'Devices of your own': [/"action":"update".*"version":"1.1.0"/s, '"state":"installing"', '"because":"up-to-date"'],
  Rollouts: [
    /"action":"update".*"version":"1.2.0"/,
    '"because":"stage-full"',
    'Stage 1 of rollout spring is for 1 device, which all came before it.',
    /^progress +Running, stage 1 of 2: 1 under way\.$/m,
  ],
  "Godwit's own API": ['update.offered', 'tracker-2', 'rollout.stage-started'],
  'Moving a fleet here': [/skipped/i],
}

let page: PageRun
beforeAll(async () => {
  page = await PageRun.start('README.md')
})
afterAll(() => page.stop())

describe('the README', () => {
  it('does what it says, command by command', () => {
    expect(Object.keys(EXPECTED)).toEqual(page.headings)
    const { status, output, under } = page.run()
    expect(status, output).toBe(0)
    for (const [heading, wanted] of Object.entries(EXPECTED))
      for (const one of wanted) expect(under(heading)).toMatch(one)
  })
})
