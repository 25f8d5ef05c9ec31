import { describe, expect, it } from 'vitest'
import { START } from '../../../test/support/fixed-clock.ts'
import * as rows from '../../../test/support/rows.ts'
import { insertFleet, times, useStorage } from '../../../test/support/storage-suite.ts'
import type { Storage } from '../ports.ts'
import type { HolderFilter } from './holder-store.ts'

export function describeHolderStore(name: string, open: () => Promise<Storage>): void {
  describe(`holder store: ${name}`, () => {
    const suite = useStorage(open)
    const scheme = 'iotaap'
    const newOwner = async (): Promise<HolderFilter> => {
      const { serial } = await suite.write((stores) => stores.organisations.insert(rows.newOrganisation()))
      return { organisation: serial, scheme, now: START }
    }
    const insertDevice = (organisation: number, given: Parameters<typeof rows.newDevice>[1] = {}) =>
      suite.write(async (stores) => {
        const device = await stores.devices.insert(rows.newDevice(organisation, given))
        return { device, credential: await stores.credentials.insert(rows.newCredential(device, { scheme })) }
      })
    const insertGroup = (organisation: number, given: Parameters<typeof rows.newGroup>[1] = {}) =>
      suite.write(async (stores) => {
        const group = await stores.groups.insert(rows.newGroup(organisation, given))
        const target = { device: null, group: group.serial, scheme }
        return { group, credential: await stores.credentials.insert(rows.newCredential(group, target)) }
      })

    it('orders devices by creation, then by id, both ways', async () => {
      const filter = await newOwner()
      const [late, early, twin] = [START + 9, START + 1, START + 5]
      const a = await insertDevice(filter.organisation, { createdAt: late })
      const c = await insertDevice(filter.organisation, { createdAt: twin, id: `c${rows.someId().slice(1)}` })
      const b = await insertDevice(filter.organisation, { createdAt: twin, id: `b${rows.someId().slice(1)}` })
      const d = await insertDevice(filter.organisation, { createdAt: early })
      const all = [d, b, c, a].map((holder) => ({ ...holder, groupId: null }))
      const list = (slice: object) => suite.read.holders.devices(filter, { limit: 9, ...slice })
      expect(await list({})).toEqual(all)
      expect(await list({ order: 'desc' })).toEqual(all.toReversed())
      expect(await list({ limit: 2 })).toEqual(all.slice(0, 2))
      expect(await list({ limit: 2, offset: 1 })).toEqual(all.slice(1, 3))
      const after = { at: twin, id: b.device.id }
      expect(await list({ after })).toEqual(all.slice(2))
      expect(await list({ after, order: 'desc' })).toEqual(all.slice(0, 1))
      expect(await list({ after, offset: 1 })).toEqual(all.slice(3))
      expect(await suite.read.holders.countDevices(filter)).toBe(4)
    })

    it('shows each device once, with its newest live credential of the scheme', async () => {
      const filter = await newOwner()
      const { device } = await insertDevice(filter.organisation)
      const credentials = await times(3, (index) =>
        suite.write((stores) =>
          stores.credentials.insert(
            rows.newCredential(device, { scheme, expiresAt: [START + 1, null, START][index] ?? null }),
          ),
        ),
      )
      await suite.write((stores) => stores.credentials.insert(rows.newCredential(device)))
      const list = () => suite.read.holders.devices(filter, { limit: 9 })
      expect(await list()).toEqual([{ device, groupId: null, credential: credentials[1] }])
      expect(await suite.read.holders.countDevices(filter)).toBe(1)
      await suite.write((stores) => stores.credentials.delete(credentials[1]?.serial ?? 0))
      expect(await list()).toEqual([{ device, groupId: null, credential: credentials[0] }])
    })

    it('knows nobody without a live credential of the scheme, and nobody of another organisation', async () => {
      const [filter, other] = [await newOwner(), await newOwner()]
      const { device, credential } = await insertDevice(filter.organisation)
      await insertGroup(filter.organisation)
      await suite.write((stores) => stores.credentials.update(credential.serial, { expiresAt: START }))
      await suite.write((stores) => stores.devices.insert(rows.newDevice(filter.organisation)))
      const { holders } = suite.read
      expect(await holders.devices(filter, { limit: 9 })).toEqual([])
      expect(await holders.devices({ ...filter, now: START - 1 }, { limit: 9 })).toMatchObject([{ device }])
      expect(await holders.groups({ ...filter, scheme: 'native' }, { limit: 9 })).toEqual([])
      expect(await holders.groups(other, { limit: 9 })).toEqual([])
      expect(await holders.countDevices(other)).toBe(0)
      expect(await holders.countGroups(other)).toBe(0)
    })

    it('filters devices and groups by id and name, and devices by group', async () => {
      const filter = await newOwner()
      const { group, credential } = await insertGroup(filter.organisation, { name: 'Pilot_1' })
      await insertGroup(filter.organisation, { name: 'PilotX1' })
      const member = await insertDevice(filter.organisation, { name: 'Truck 100%', group: group.serial })
      const loose = await insertDevice(filter.organisation, { name: 'truck 1000' })
      const devices = async (more: object) => {
        const found = await suite.read.holders.devices({ ...filter, ...more }, { limit: 9 })
        expect(await suite.read.holders.countDevices({ ...filter, ...more })).toBe(found.length)
        return found
      }
      const groups = async (more: object) => {
        const found = await suite.read.holders.groups({ ...filter, ...more }, { limit: 9 })
        expect(await suite.read.holders.countGroups({ ...filter, ...more })).toBe(found.length)
        return found
      }
      expect(await devices({ group: group.serial })).toEqual([{ ...member, groupId: group.id }])
      expect(await devices({ nameContains: 'TRUCK 100' })).toHaveLength(2)
      expect(await devices({ nameContains: '100%' })).toEqual([{ ...member, groupId: group.id }])
      expect(await devices({ id: loose.device.id })).toEqual([{ ...loose, groupId: null }])
      expect(await devices({ id: group.id })).toEqual([])
      expect(await groups({ nameContains: 't_1' })).toEqual([{ group, credential }])
      expect(await groups({ id: group.id })).toEqual([{ group, credential }])
      expect(await groups({})).toHaveLength(2)
    })

    it('lists assignments of devices or groups by their time, with what they assign', async () => {
      const fleet = await suite.write(insertFleet)
      const filter = { organisation: fleet.organisation.serial, scheme, now: START }
      const a = await insertDevice(filter.organisation)
      const b = await insertDevice(filter.organisation)
      const pilot = await insertGroup(filter.organisation)
      const assign = (...given: Parameters<typeof rows.newAssignment>) =>
        suite.write((stores) => stores.assignments.put(rows.newAssignment(...given)))
      const { release } = fleet
      const late = await assign(a.device, release, { assignedAt: START + 5 })
      const early = await assign(b.device, release)
      const grouped = await assign(fleet.device, release, { device: null, group: pilot.group.serial })
      await assign(fleet.device, release)
      const { holders } = suite.read
      const { version } = release
      const ofDevices = { ...filter, target: 'device' as const }
      const expected = [
        { assignment: early, targetId: b.device.id, version, credential: b.credential },
        { assignment: late, targetId: a.device.id, version, credential: a.credential },
      ]
      expect(await holders.assignments(ofDevices, { limit: 9 })).toEqual(expected)
      expect(await holders.assignments(ofDevices, { limit: 9, order: 'desc' })).toEqual(expected.toReversed())
      const after = { at: early.assignedAt, id: early.id }
      expect(await holders.assignments(ofDevices, { limit: 9, after })).toEqual(expected.slice(1))
      expect(await holders.countAssignments(ofDevices)).toBe(2)
      const ofGroups = { ...filter, target: 'group' as const }
      expect(await holders.assignments(ofGroups, { limit: 9 })).toEqual([
        { assignment: grouped, targetId: pilot.group.id, version, credential: pilot.credential },
      ])
      expect(await holders.countAssignments(ofGroups)).toBe(1)
    })
  })
}
