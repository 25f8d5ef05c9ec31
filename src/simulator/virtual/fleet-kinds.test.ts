import { describe, expect, it } from 'vitest'
import { fleet, NORMAL } from '../../core/rollout/health/testing/scenarios.ts'
import { apportion, fleetKinds } from './fleet-kinds.ts'

describe('fleetKinds', () => {
  it.each([5_000, 50_000, 1_000_000])('is the fleet of %i devices in which the gate alone is measured', (devices) => {
    const ours = fleetKinds({ devices, failureRate: NORMAL, rare: { failureRate: 1 } })
    const facts = ours.map((kind) => [kind.devices, kind.hardwareRevision, kind.failureRate])
    const theirs = fleet(devices, NORMAL, 1)
    expect(facts).toEqual(theirs.map((kind) => [kind.devices, kind.hardwareRevision, kind.failureRate]))
  })

  it.each([1, 2, 7, 999, 5_001])('has %i devices in all, whatever the mix', (devices) => {
    const kinds = fleetKinds({ devices, failureRate: 0.1, protocols: { native: 3, enos: 2, iotaap: 1 } })
    expect(kinds.reduce((sum, kind) => sum + kind.devices, 0)).toBe(devices)
  })

  it('mixes protocols by weight, and gives the rare revision its share', () => {
    const kinds = fleetKinds({
      devices: 1000,
      failureRate: 0,
      protocols: { native: 3, 'spoke-zone': 1 },
      rare: { share: 0.1, failureRate: 1 },
    })
    const count = (of: (kind: (typeof kinds)[number]) => boolean) =>
      kinds.filter(of).reduce((sum, kind) => sum + kind.devices, 0)
    expect(count((kind) => kind.protocol === 'native')).toBe(750)
    expect(count((kind) => kind.hardwareRevision === 'C')).toBe(100)
    expect(count((kind) => kind.failureRate === 1)).toBe(100)
  })
})

describe('apportion', () => {
  it.each([
    [10, [1, 1, 1], [4, 3, 3]],
    [0, [1, 2], [0, 0]],
    [3, [0.5, 0.25, 0.25], [1, 1, 1]],
    [5_000, [0.25 * 0.38, 1 - 0.25 * 0.38], [475, 4_525]],
  ])('%i by %j is %j', (total, weights, counts) => {
    expect(apportion(total, weights)).toEqual(counts)
  })
})
