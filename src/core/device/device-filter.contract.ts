import { describe, expect, it } from 'vitest'
import { START } from '../../../test/support/fixed-clock.ts'
import * as rows from '../../../test/support/rows.ts'
import { useStorage } from '../../../test/support/storage-suite.ts'
import type { Serial } from '../common.ts'
import type { Filter } from '../filter/filter.ts'
import { formatFilter } from '../filter/format-filter.ts'
import { type FilterSubject, matchesFilter } from '../filter/matches-filter.ts'
import { parseFilter } from '../filter/parse-filter.ts'
import { choices, GROUPS, MODULES, PRODUCTS, randomFilter, randomSubject } from '../filter/testing/random-filters.ts'
import type { Storage, Stores } from '../ports.ts'

const DEVICES = 120
const FILTERS = 400

/** A device under test, and what filters are to find in it. */
type Placed = FilterSubject & { readonly serial: Serial }

export function describeDeviceFilter(name: string, open: () => Promise<Storage>): void {
  describe(`devices by filter: ${name}`, () => {
    const suite = useStorage(open)

    it('finds exactly the devices that matchesFilter accepts, whatever the filter', async () => {
      const choice = choices(7)
      const subjects = Array.from({ length: DEVICES }, (_, index) => randomSubject(choice, index))
      const { organisation, placed } = await suite.write((stores) => insertSubjects(stores, subjects))
      await suite.write((stores) => insertSubjects(stores, subjects))
      const { devices } = suite.storage.management
      let [found, missed] = [0, 0]
      for (let round = 0; round < FILTERS; round++) {
        const where = randomFilter(choice)
        const wanted = placed.filter((subject) => matchesFilter(where, subject)).map(({ serial }) => serial)
        const listed = await devices.list({ organisation, where }, { limit: 999 })
        expect(
          listed.map(({ serial }) => serial),
          formatFilter(where),
        ).toEqual(wanted)
        expect(await devices.count({ organisation, where })).toBe(wanted.length)
        found += wanted.length
        missed += DEVICES - wanted.length
      }
      expect(Math.min(found, missed)).toBeGreaterThan((DEVICES * FILTERS) / 10)
    })

    it('asks together with what else is asked, in slices', async () => {
      const choice = choices(8)
      const subjects = Array.from({ length: 60 }, (_, index) => randomSubject(choice, index))
      const { organisation, placed } = await suite.write((stores) => insertSubjects(stores, subjects))
      const where = parseFilter('product exists or group exists')
      const filter = { organisation, status: 'active', search: 'D-', where } as const
      const wanted = placed.filter((one) => one.status === 'active' && matchesFilter(where, one))
      const serials = wanted.map(({ serial }) => serial)
      const list = async (slice: object) =>
        (await suite.read.devices.list(filter, { limit: 5, ...slice })).map(({ serial }) => serial)
      expect(await list({})).toEqual(serials.slice(0, 5))
      expect(await list({ after: serials[6] })).toEqual(serials.slice(7, 12))
      expect(await list({ offset: 3, order: 'desc' })).toEqual(serials.toReversed().slice(3, 8))
      expect(await suite.read.devices.count(filter)).toBe(serials.length)
      expect(serials.length).toBeGreaterThan(20)
    })

    it('finds everything, nothing, and copes with lists and groups that are empty', async () => {
      const { organisation } = await suite.write((stores) => insertSubjects(stores, [randomSubject(choices(9), 0)]))
      const count = (where: Filter) => suite.read.devices.count({ organisation, where })
      expect(await count({ kind: 'all', of: [] })).toBe(1)
      expect(await count({ kind: 'any', of: [] })).toBe(0)
      expect(await count({ kind: 'not', of: { kind: 'any', of: [] } })).toBe(1)
      expect(await count({ kind: 'one-of', field: 'key', values: [] })).toBe(0)
      expect(await count({ kind: 'not', of: { kind: 'one-of', field: 'tag.x', values: [] } })).toBe(1)
    })

    it('takes as many values as a filter may have', async () => {
      const { organisation } = await suite.write((stores) => insertSubjects(stores, [randomSubject(choices(10), 0)]))
      const values = ['d-0', ...Array.from({ length: 999 }, (_, index) => `other-${index}`)]
      const where: Filter = { kind: 'one-of', field: 'key', values }
      expect(await suite.read.devices.count({ organisation, where })).toBe(1)
    })

    it('is not stopped by a label that some database cannot hold as text', async () => {
      const organisation = (await suite.write((stores) => stores.organisations.insert(rows.newOrganisation()))).serial
      const tags = { bad: '\0\0a\\\0b\ud800', 'b\\': '\\u0000', site: 'graz' }
      await suite.write((stores) => stores.devices.insert(rows.newDevice(organisation, { tags })))
      await suite.write((stores) => stores.devices.insert(rows.newDevice(organisation, { tags: { site: 'linz' } })))
      const count = (text: string) => suite.read.devices.count({ organisation, where: parseFilter(text) })
      expect(await count('tag.site = "graz"')).toBe(1)
      expect(await count('tag.site != "graz"')).toBe(1)
      expect(await count('tag.bad exists')).toBe(1)
      expect(await count('tag.bad like "a\\\\"')).toBe(1)
      expect(await count('tag."b\\\\" = "\\\\u0000"')).toBe(1)
    })

    it('lists devices with what they run, in batches by serial', async () => {
      const choice = choices(11)
      const subjects = Array.from({ length: 25 }, (_, index) => randomSubject(choice, index))
      const { organisation, placed } = await suite.write((stores) => insertSubjects(stores, subjects))
      const filter = { organisation, where: parseFilter('status = "active"') }
      const wanted = await suite.read.devices.list(filter, { limit: 99 })
      const first = await suite.read.devices.listFacts(filter, { limit: 10 })
      const after = first.at(-1)?.device.serial ?? 0
      const rest = await suite.read.devices.listFacts(filter, { limit: 10, after })
      expect([...first, ...rest].map(({ device }) => device)).toEqual(wanted)
      for (const { device, running } of [...first, ...rest]) {
        expect(running).toEqual(await suite.read.running.listByDevice(device.serial))
        const subject = placed.find(({ serial }) => serial === device.serial)
        expect(running.length).toBeGreaterThanOrEqual(Object.keys(subject?.versions ?? {}).length)
      }
      expect([...first, ...rest].flatMap(({ running }) => running).length).toBeGreaterThan(20)
      const nobody = await suite.read.devices.listFacts({ organisation, where: parseFilter('false') }, { limit: 9 })
      expect(nobody).toEqual([])
    })
  })
}

/** An organisation of its own with these devices; every third one still has versions of a product that it had before. */
async function insertSubjects(
  stores: Stores,
  subjects: readonly FilterSubject[],
): Promise<{ organisation: Serial; placed: Placed[] }> {
  const organisation = (await stores.organisations.insert(rows.newOrganisation())).serial
  const groups = new Map<string, Serial>()
  for (const key of GROUPS) groups.set(key, (await stores.groups.insert(rows.newGroup(organisation, { key }))).serial)
  const products = new Map<string, { serial: Serial; modules: Map<string, Serial> }>()
  for (const key of [...PRODUCTS, 'former']) {
    const product = await stores.products.insert(rows.newProduct(organisation, { key }))
    const modules = new Map<string, Serial>()
    for (const module of MODULES) {
      const row = rows.newModule(product, { key: module, isPrimary: module === MODULES[0] })
      modules.set(module, (await stores.modules.insert(row)).serial)
    }
    products.set(key, { serial: product.serial, modules })
  }
  const put = async (device: Serial, module: Serial | undefined, version: string) => {
    if (module === undefined) throw new Error('a module that is there')
    await stores.running.put({ device, module, version, reportedAt: START })
  }
  const placed: Placed[] = []
  for (const [index, subject] of subjects.entries()) {
    const product = subject.product === null ? undefined : products.get(subject.product)
    const group = subject.group === null ? null : (groups.get(subject.group) ?? null)
    const { key, name, tags, attributes } = subject
    const status = subject.status === 'active' ? 'active' : 'disabled'
    const row = { key, name, status, tags, attributes, group, product: product?.serial ?? null } as const
    const device = await stores.devices.insert(rows.newDevice(organisation, row))
    for (const [module, version] of Object.entries(subject.versions))
      await put(device.serial, product?.modules.get(module), version)
    if (index % 3 === 0) await put(device.serial, products.get('former')?.modules.get('main'), '2.0.0-rc.1')
    placed.push({ ...subject, serial: device.serial, id: device.id })
  }
  return { organisation, placed }
}
