import { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { EXIT } from '../exit.ts'
import { Options } from '../options/options.ts'
import { credentialsBody, withCredentials } from './new-credentials.ts'

function body(...argv: string[]): unknown {
  const command = new Command().exitOverride()
  withCredentials(command)
  command.parse(argv, { from: 'user' })
  return credentialsBody(new Options(command.opts())).credentials
}

describe('credentials of a new device', () => {
  it.each([
    [[], undefined],
    [['--iotaap'], { iotaap: {} }],
    [['--iotaap', 'FSXuSmJRiJ4v'], { iotaap: { token: 'FSXuSmJRiJ4v' } }],
    [['--native', '--hawkbit', 'tt'], { native: {}, hawkbit: { targetToken: 'tt' } }],
    [
      ['--spoke-zone', 'cpuId=c-1,uuid=u-1', '--spoke-zone', 'id=501'],
      { spokeZone: { cpuId: 'c-1', uuid: 'u-1', id: 501 } },
    ],
    [['--enos', 's3cr3t', '--enos-device-key', 'dk1'], { enos: { secret: 's3cr3t', deviceKey: 'dk1' } }],
    [['--hawkbit', '--hawkbit-controller-id', 'c'], { hawkbit: { controllerId: 'c' } }],
  ])('%j', (argv, expected) => {
    expect(body(...argv)).toEqual(expected)
  })

  it('names without their credential are wrong usage', () => {
    expect(() => body('--enos-asset-id', 'zzz')).toThrow(expect.objectContaining({ exitCode: EXIT.usage }))
  })
})
