import { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { Options } from '../options/options.ts'
import { readSimulation, withSimulation } from './simulate-options.ts'

function read(...args: string[]) {
  const command = withSimulation(new Command('simulate').exitOverride())
  command.parse(args, { from: 'user' })
  return readSimulation(new Options(command.opts()))
}

describe('options of a simulation', () => {
  it('has a good release among 5,000 native devices unless told otherwise', () => {
    expect(read()).toMatchObject({
      mix: { devices: 5_000, failureRate: 0.01, protocols: { native: 1 } },
      failures: { silentShare: 0, rollBackShare: 0 },
      choice: { health: {} },
      seeds: [1],
      words: '5,000 devices (native=1), a release that fails on 1 %, reported; gate: default',
    })
  })

  it('reads shares as numbers and as percent', () => {
    const { mix, failures } = read('--failure-rate', '5%', '--failures', '0.25', '--rare-revision', '2%:1')
    expect(mix).toMatchObject({ failureRate: 0.05, rare: { share: 0.02, failureRate: 1 } })
    expect(failures.silentShare).toBe(0.25)
  })

  it.each([
    ['default', {}],
    ['off', { mode: 'off' }],
    ['threshold', { mode: { kind: 'threshold', percent: 5 } }],
    ['threshold:2', { mode: { kind: 'threshold', percent: 2 } }],
  ])('gate %s', (gate, health) => {
    expect(read('--gate', gate).choice.health).toEqual(health)
  })

  it('makes stages of percents', () => {
    const { stages } = read('--stages', '1,50%,100', '--soak-seconds', '60').choice
    expect(stages?.map(({ percent, soakSeconds }) => [percent, soakSeconds])).toEqual([
      [1, 60],
      [50, 60],
      [100, 60],
    ])
  })

  it('counts seeds from the first', () => {
    expect(read('--seed', '7', '--seeds', '3').seeds).toEqual([7, 8, 9])
  })

  it.each([
    [['--devices', '0'], '--devices: must be a number from 1 to 1000000'],
    [['--devices', '1.5'], '--devices: must be a whole number'],
    [['--failure-rate', '2'], '--failure-rate: "2" is not a share such as 0.05 or 5%'],
    [['--failures', 'often'], '--failures: "often" is not a share such as 0.05 or 5%'],
    [['--mix', 'native=1,fax=2'], '--mix: "fax" is none of native, enos, iotaap, spoke-zone'],
    [['--mix', 'native=-1'], '--mix: must be a number from'],
    [['--gate', 'threshold:0'], '--gate: "threshold:0" is none of'],
    [['--rare-revision', '2'], '--rare-revision: "2" is not a share such as 0.05 or 5%'],
    [['--poll-seconds', 'soon'], '--poll-seconds: must be a number from'],
  ])('%j is wrong usage', (args, message) => {
    expect(() => read(...args)).toThrow(message)
  })
})
