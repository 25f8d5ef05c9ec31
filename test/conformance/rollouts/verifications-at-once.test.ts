import { describe, expect, it } from 'vitest'
import { RACE_SEED, races, refusal } from '../../support/race.ts'
import type { RolloutFleet } from '../../support/rollout-fleet.ts'
import { useStorage } from '../../support/storage-suite.ts'
import { STORAGES } from '../../support/storages.ts'

const MOST = 4

describe.each(STORAGES)(`verifications at once, on $name (seed ${RACE_SEED})`, ({ open }) => {
  const suite = useStorage(() => open({ connections: 12 }))
  const race = races(() => suite.storage)

  /** 1.1.0 may be tried by four devices, and is verified when `minSucceeded` of them run it. */
  async function toVerify({ core, scope }: RolloutFleet, minSucceeded: number): Promise<number> {
    const [module] = await core.products.modules((await core.products.get(scope.organisation, 'panel')).serial)
    const verification = { enabled: true, verified: false, maxDevices: MOST, minSucceeded }
    return core.deps.storage.transaction(async (stores) => {
      const found = await stores.firmware.findByVersion(scope.organisation, module?.serial ?? 0, '1.1.0')
      await stores.firmware.update(found?.serial ?? 0, { verification })
      return found?.serial ?? 0
    })
  }

  const verification = (key: string, count: number, devices?: readonly string[]) =>
    ({
      key,
      kind: 'verification',
      health: { mode: 'off' },
      stages: [{ count }],
      ...(devices && { select: { devices } }),
    }) as const

  it(
    'that name no devices take no more together than the firmware allows',
    race(async ({ fleet, atOnce }) => {
      const keys = await fleet.addDevices(12)
      await toVerify(fleet, MOST)
      const made = await atOnce(
        ['a', 'b', 'c', 'd'].map((key) => () => refusal(fleet.create(verification(key, 3, keys.slice(0, 6))))),
      )
      expect(made.filter((code) => code === undefined)).toHaveLength(1)
      expect(await refusal(fleet.create(verification('rest', 1, keys.slice(6))))).toBeUndefined()
      const rollouts = await suite.read.rollouts.list({ organisation: fleet.scope.organisation }, { limit: 9 })
      await atOnce(
        rollouts.map(
          ({ key }) =>
            () =>
              fleet.core.rolloutControl.start(fleet.scope, key),
        ),
      )
      const grants = await atOnce(keys.map((key) => () => fleet.grant(key)))
      expect(grants.filter((update) => update !== undefined).length).toBeLessThanOrEqual(MOST)
      for (const key of keys) if (!(await fleet.facts(key)).open) await fleet.grant(key)
      const release = rollouts[0]?.release ?? 0
      expect((await suite.read.rolloutMembers.countVerified(release)).granted).toBe(MOST)
    }),
  )

  it(
    'whose last devices succeed at the same instant verify the firmware',
    race(async ({ fleet, atOnce }) => {
      const firmware = await toVerify(fleet, 2)
      const keys = await fleet.addDevices(2)
      for (const [index, key] of ['a', 'b'].entries()) await fleet.start(verification(key, 1, [`d${index}`]))
      expect(await fleet.grantAll(keys)).toEqual(keys)
      await atOnce(keys.map((key) => () => fleet.install(key)))
      expect((await suite.read.firmware.find(firmware))?.verification.verified).toBe(true)
      const filter = { organisation: fleet.scope.organisation, type: 'firmware.verified' }
      expect(await suite.read.events.list(filter, { limit: 9 })).toHaveLength(1)
    }),
  )
})
