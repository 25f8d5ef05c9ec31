import { describe, expect, it } from 'vitest'
import { START } from '../../test/support/fixed-clock.ts'
import { newMember, newRollout } from '../../test/support/rollout-rows.ts'
import * as rows from '../../test/support/rows.ts'
import { insertFleet, useStorage } from '../../test/support/storage-suite.ts'
import type { Patch } from './common.ts'
import type { Change, Storage, Stores } from './ports.ts'
import type { Release } from './release/release.ts'
import { WHOLE } from './rollout/tally.ts'
import type { Update } from './update/update.ts'

/** Who is told what of a commit. */
export function describeStorageNotifications(name: string, open: () => Promise<Storage>): void {
  describe(`storage notifications: ${name}`, () => {
    const suite = useStorage(open)
    /** What listeners heard while `work` ran, and whether it was committed by then. */
    async function heardOf(work: (stores: Stores) => Promise<unknown>): Promise<readonly Change[]> {
      const heard: Change[] = []
      let isOver = false
      suite.storage.onChange((changes) => {
        if (!isOver) heard.push(...changes)
      })
      await suite.write(work).finally(() => {
        isOver = true
      })
      return heard
    }

    const insertRollout = (release: Release) => suite.write((stores) => stores.rollouts.insert(newRollout(release)))

    it('says nothing of mere progress, on which no answer depends, but of the end of a step', async () => {
      const { device, release } = await suite.write(insertFleet)
      const { serial } = await suite.write(({ updates }) =>
        updates.insert(rows.newUpdate(device, release, { state: 'installing' })),
      )
      const move = (patch: Patch<Update>) => heardOf(({ updates }) => updates.move(serial, 'installing', patch))
      const changed = [{ kind: 'device', device: device.serial }]
      expect(await move({ progress: 40, reason: 'writing', deadline: START })).toEqual([])
      expect(await move({ progress: 100 })).toEqual(changed)
      expect(await move({ progress: -3 })).toEqual(changed)
      expect(await move({ progress: 50, confirmAfter: START })).toEqual(changed)
    })

    it('tells which device a transaction changed', async () => {
      const { device, release, module } = await suite.write(insertFleet)
      const [rollout, other] = [await insertRollout(release), await insertRollout(release)]
      const { serial } = device
      const steps: Array<(stores: Stores) => Promise<unknown>> = [
        ({ devices }) => devices.update(serial, { name: 'renamed' }),
        ({ credentials }) => credentials.insert(rows.newCredential(device)),
        ({ running }) => running.put({ device: serial, module: module.serial, version: '1', reportedAt: START }),
        ({ assignments }) => assignments.put(rows.newAssignment(device, release)),
        ({ updates }) => updates.insert(rows.newUpdate(device, release)),
        async ({ updates }) => {
          const open = await updates.findOpen(serial)
          await updates.move(open?.serial ?? 0, 'pending', { state: 'offered' })
        },
        async ({ credentials }) => {
          for (const row of await credentials.listByDevice(serial))
            await credentials.update(row.serial, { generation: 2 })
        },
        async ({ credentials }) => {
          for (const row of await credentials.listByDevice(serial)) await credentials.delete(row.serial)
        },
        async ({ assignments }) => {
          const row = await assignments.findByDevice(serial)
          await assignments.delete(row?.serial ?? 0)
        },
        ({ rolloutMembers }) => rolloutMembers.insert(newMember(rollout, device)),
        ({ rolloutMembers }) => rolloutMembers.insertMany([newMember(other, device), newMember(rollout, device)]),
        async ({ rolloutMembers }) => {
          const member = await rolloutMembers.find(rollout.serial, serial)
          await rolloutMembers.update(member?.serial ?? 0, { settleAt: START })
        },
        async ({ rolloutMembers }) => {
          const due = await rolloutMembers.listDue(rollout.serial, START, 9)
          await rolloutMembers.settle(
            due.map((member) => member.serial),
            [],
          )
        },
        ({ aliases }) => aliases.claim({ slot: 's', scope: 0, name: device.key, kind: 'device', owner: serial }),
        ({ aliases }) => aliases.release('device', serial),
        ({ devices }) => devices.delete(serial),
      ]
      for (const step of steps) expect(await heardOf(step), String(step)).toEqual([{ kind: 'device', device: serial }])
    })

    it('tells of every other change which organisation it touched', async () => {
      const { organisation, product, firmware, device, release } = await suite.write(insertFleet)
      const owner = organisation.serial
      const group = await suite.write((stores) => stores.groups.insert(rows.newGroup(owner)))
      const target = { device: null, group: group.serial }
      const rollout = await insertRollout(release)
      const steps: Array<(stores: Stores) => Promise<unknown>> = [
        ({ organisations }) => organisations.update(owner, { frozen: true }),
        ({ products }) => products.update(product.serial, { name: 'renamed' }),
        ({ modules }) => modules.insert(rows.newModule(product, { key: 'second', isPrimary: false })),
        ({ firmware: store }) => store.update(firmware.serial, { withdrawn: true }),
        ({ releases }) => releases.insert(rows.newRelease(firmware, { isSilent: false })),
        ({ groups }) => groups.update(group.serial, { name: 'renamed' }),
        ({ credentials }) => credentials.insert(rows.newCredential(device, target)),
        ({ assignments }) => assignments.put(rows.newAssignment(device, release, target)),
        ({ groups }) => groups.delete(group.serial),
        ({ rollouts }) => rollouts.insert(newRollout(release)),
        ({ rollouts }) => rollouts.update(rollout.serial, { state: 'running' }),
      ]
      for (const step of steps) {
        expect(await heardOf(step), String(step)).toEqual([{ kind: 'fleet', organisation: owner }])
      }
      const created = await heardOf(({ organisations }) => organisations.insert(rows.newOrganisation()))
      expect(created).toEqual([{ kind: 'fleet', organisation: expect.any(Number) }])
      const whole = [{ kind: 'fleet', organisation: null }]
      expect(await heardOf(({ settings }) => settings.set('frozen', 'true'))).toEqual(whole)
      expect(await heardOf(({ settings }) => settings.delete('frozen'))).toEqual(whole)
    })

    it('tells of grants and other counts which rollout they belong to', async () => {
      const { release, organisation } = await suite.write(insertFleet)
      const { serial: rollout } = await insertRollout(release)
      const grant = { rollout, scope: WHOLE, now: START, grant: 'first', isVerifiable: true } as const
      const cohort = { family: 'hardwareRevision', value: 'C' }
      const approval = { rollout, stage: 0, run: 0, account: rows.someId(), name: 'a', at: START }
      const steps: Array<(stores: Stores) => Promise<unknown>> = [
        ({ rolloutTallies }) => rolloutTallies.create(rollout, [], { grantLimit: 1, unverifiableLimit: 1 }),
        ({ rolloutTallies }) => rolloutTallies.setLimits(rollout, WHOLE, { isActive: true }),
        ({ rolloutTallies }) => rolloutTallies.claim(grant),
        ({ rolloutTallies }) => rolloutTallies.add(rollout, WHOLE, { slots: -1 }),
        ({ rolloutTallies }) => rolloutTallies.ensureCohort(rollout, cohort, { grantLimit: 1 }),
        ({ rolloutTallies }) => rolloutTallies.restart(rollout, WHOLE, { grantLimit: 1, unverifiableLimit: 1 }),
        ({ rollouts }) => rollouts.approve(approval),
      ]
      for (const step of steps) expect(await heardOf(step), String(step)).toEqual([{ kind: 'rollout', rollout }])
      const silent: Array<(stores: Stores) => Promise<unknown>> = [
        ({ rolloutTallies }) => rolloutTallies.claim({ ...grant, concurrency: 0 }),
        ({ rolloutTallies }) => rolloutTallies.add(rollout, WHOLE, {}),
        ({ rolloutTallies }) => rolloutTallies.ensureCohort(rollout, cohort, { grantLimit: 1 }),
        ({ rolloutTallies }) => rolloutTallies.lock(rollout),
        ({ rollouts }) => rollouts.approve(approval),
      ]
      for (const step of silent) expect(await heardOf(step), String(step)).toEqual([])
      const deleted = await heardOf(({ rollouts }) => rollouts.delete(rollout))
      expect(deleted).toEqual([{ kind: 'fleet', organisation: organisation.serial }])
    })

    it('tells each thing once, with several in one transaction', async () => {
      const { organisation, device } = await suite.write(insertFleet)
      const heard = await heardOf(async ({ devices, credentials, organisations }) => {
        await devices.update(device.serial, { name: 'a' })
        await credentials.insert(rows.newCredential(device))
        await organisations.update(organisation.serial, { name: 'b' })
      })
      expect(heard).toHaveLength(2)
      expect(heard).toContainEqual({ kind: 'device', device: device.serial })
      expect(heard).toContainEqual({ kind: 'fleet', organisation: organisation.serial })
    })

    it('says nothing of reads, of last seen, of events and of what was rolled back', async () => {
      const { organisation, device } = await suite.write(insertFleet)
      expect(await heardOf(({ devices }) => devices.find(device.serial))).toEqual([])
      expect(await heardOf(({ devices }) => devices.touch([{ device: device.serial, at: START }]))).toEqual([])
      expect(await heardOf(({ events }) => events.append(rows.newEvent(organisation.serial)))).toEqual([])
      const heard: Change[] = []
      suite.storage.onChange((changes) => heard.push(...changes))
      const failing = suite.write(async (stores) => {
        await stores.devices.update(device.serial, { name: 'renamed' })
        throw new Error('later step')
      })
      await expect(failing).rejects.toThrow('later step')
      await suite.write((stores) => stores.settings.set('after', '1'))
      expect(heard).toEqual([{ kind: 'fleet', organisation: null }])
    })

    it('notifies after the commit and before the transaction resolves', async () => {
      const { device } = await suite.write(insertFleet)
      const order: string[] = []
      let seen: Promise<string | undefined> | undefined
      suite.storage.onChange(() => {
        order.push('notified')
        seen ??= suite.storage.read.devices.find(device.serial).then((row) => row?.name)
      })
      await suite.write((stores) => stores.devices.update(device.serial, { name: 'renamed' }))
      order.push('resolved')
      expect(order).toEqual(['notified', 'resolved'])
      expect(await seen).toBe('renamed')
    })
  })
}
