import { describe, expect, it } from 'vitest'
import { aimsAtAny, provenBy, undoneSteps } from './evidence.ts'
import type { ModuleStep, UpdateState } from './update.ts'

const [MAIN, MODEM, OTHER] = [11, 12, 13]

function step(module: number | null, from: string | null, to: string): ModuleStep {
  return { module, firmware: 1, from, to }
}

function versions(runs: Readonly<Record<number, string>>) {
  return Object.entries(runs).map(([module, version]) => ({ module: Number(module), version }))
}

const ONE = [step(MAIN, '1', '2')]
const SILENT = [step(null, '1', '2')]
const BOTH = [step(MAIN, '1', '2'), step(MODEM, '7', '8')]
const HALF = [step(MAIN, '1', '2'), step(MODEM, '7', '7')]
const FROM_NOTHING = [step(MAIN, null, '2')]
const NOTHING_TO_DO = [step(MAIN, '1', '1')]

describe('what a device runs', () => {
  type Row = [steps: readonly ModuleStep[], runs: Readonly<Record<number, string>>, proof: string | undefined]

  it.each<Row>([
    [ONE, { [MAIN]: '2' }, 'succeed'],
    [SILENT, { [MAIN]: '2' }, 'succeed'],
    [BOTH, { [MAIN]: '2', [MODEM]: '8' }, 'succeed'],
    [FROM_NOTHING, { [MAIN]: '2' }, 'succeed'],
    [ONE, { [MAIN]: '1' }, 'roll-back'],
    [SILENT, { [MAIN]: '1' }, 'roll-back'],
    [BOTH, { [MAIN]: '1', [MODEM]: '7' }, 'roll-back'],
    [HALF, { [MAIN]: '1', [MODEM]: '9' }, 'roll-back'],
    [BOTH, { [MAIN]: '2', [MODEM]: '7' }, undefined],
    [BOTH, { [MAIN]: '1' }, undefined],
    [ONE, { [MAIN]: '3' }, undefined],
    [ONE, { [OTHER]: '1' }, undefined],
    [ONE, {}, undefined],
    [FROM_NOTHING, { [MAIN]: '1' }, undefined],
    [NOTHING_TO_DO, { [MAIN]: '3' }, undefined],
  ])('%j, running %j after its restart: %s', (steps, runs, proof) => {
    const named = versions(runs)
    const report = { running: named, named, primary: MAIN, afterReboot: true }
    expect(provenBy({ state: 'installing', steps }, report)).toBe(proof)
  })

  it.each<[UpdateState, boolean, string | undefined]>([
    ['installing', true, 'roll-back'],
    ['installing', false, undefined],
    ['offered', true, undefined],
    ['downloading', true, undefined],
    ['downloaded', true, undefined],
    ['cancelling', true, undefined],
  ])('as before, while %s, restarted %s: %s', (state, afterReboot, proof) => {
    const named = versions({ [MAIN]: '1' })
    expect(provenBy({ state, steps: ONE }, { running: named, named, primary: MAIN, afterReboot })).toBe(proof)
  })

  it('is not proven by what was known before the device spoke', () => {
    const [running, named] = [versions({ [MAIN]: '1', [OTHER]: '5' }), versions({ [OTHER]: '5' })]
    const report = { running, named, primary: MAIN, afterReboot: true }
    expect(provenBy({ state: 'installing', steps: ONE }, report)).toBeUndefined()
    expect(provenBy({ state: 'installing', steps: [step(MAIN, '0', '1')] }, report)).toBeUndefined()
  })

  it('is completed by what is known of the modules that the device did not name', () => {
    const [running, named] = [versions({ [MAIN]: '2', [MODEM]: '8' }), versions({ [MODEM]: '8' })]
    const report = { running, named, primary: MAIN, afterReboot: false }
    expect(provenBy({ state: 'offered', steps: BOTH }, report)).toBe('succeed')
  })
})

describe('steps that are undone', () => {
  it.each([
    [BOTH, { [MAIN]: '1' }, ['1']],
    [BOTH, { [MAIN]: '1', [MODEM]: '7' }, ['1', '7']],
    [BOTH, { [MAIN]: '3' }, []],
    [HALF, { [MODEM]: '7' }, []],
    [FROM_NOTHING, { [MAIN]: '1' }, []],
    [SILENT, { [MAIN]: '1' }, ['1']],
  ])('%j by %j: %j', (steps, runs, from) => {
    expect(undoneSteps({ steps }, { named: versions(runs), primary: MAIN }).map((one) => one.from)).toEqual(from)
  })

  it('are wanted by an update that aims at one of the versions', () => {
    expect(aimsAtAny({ steps: BOTH }, { named: versions({ [MODEM]: '8' }), primary: MAIN })).toBe(true)
    expect(aimsAtAny({ steps: BOTH }, { named: versions({ [MODEM]: '7' }), primary: MAIN })).toBe(false)
  })
})
