import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Core } from '../../../src/core/create-core.ts'
import { applyFleetFile } from '../../../src/server/fleet/apply-fleet-file.ts'
import { type FixedClock, fixedClock } from '../../support/fixed-clock.ts'
import { STORAGES } from '../../support/storages.ts'
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.ts'
import { createTestCore } from '../../support/test-core.ts'

const WHOLE = `organisations:
  - key: acme
    name: Acme GmbH
    id: 5e10fc5e77ba18070312e171
    defaultProduct: panel
    spokeZone: { numericIds: true }
    enos: { orgId: o15504745674071, gate: true }
    hawkbit: { tenant: DEFAULT }
    accounts:
      - { email: ops@acme.example, password: "change-me-now", role: operator }
    accessKeys:
      - { key: 11111111-2222-4333-8444-555555555555, secret: aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee, permissions: [read, write] }
    products:
      - key: panel
        name: Display panel
        distribution: catalogue
        downgrades: forbidden
        enos: { productKey: BXwU4kMk }
        modules: [ { key: display-app }, { key: can-controller } ]
    groups:
      - { key: pilot, id: 5e24a2d05cde30ff0a1ed6aa, iotaap: { token: 0123456789abcdef } }
    devices:
      - key: truck-17
        id: 5e1b57808711f904f5df4bad
        product: panel
        group: pilot
        tags: { site: graz }
        credentials:
          native: {}
          iotaap: { token: FSXuSmJRiJ4v }
          spokeZone: { id: 501, cpuId: "c-1", uuid: "u-1" }
          enos: { deviceKey: dk1, assetId: "zzz", secret: s3cr3t }
          hawkbit: { controllerId: dev-1, targetToken: "a-target-token" }
    firmware:
      - { product: panel, module: display-app, version: 1.2.3, file: ./app.bin, active: true, tags: { channel: stable }, notes: "first" }
      - { product: panel, module: can-controller, version: 0.9.0, file: ./can.bin }
      - { product: panel, module: can-controller, version: rev-b, file: ./can-b.bin, sequence: 20, fromVersions: "0.9.0 || rev-a" }
    floors:
      - { product: panel, version: 1.2.3, reason: moves the partitions }
      - { product: panel, module: can-controller, version: rev-b, reason: new boot loader, id: 5e2b1c808711f904f5df4bb1 }
    releases:
      - { product: panel, version: "2026.11", firmware: { display-app: 1.2.3, can-controller: 0.9.0 } }
    assignments:
      - { device: truck-17, module: display-app, version: 1.2.3 }
      - { group: pilot, product: panel, release: "2026.11" }
`

describe.each(STORAGES)('a fleet file on $name', (under) => {
  let clock: FixedClock
  let core: Core
  let folder: TemporaryFolder

  beforeAll(async () => {
    folder = await temporaryFolder()
    mkdirSync(folder.path, { recursive: true })
    writeFileSync(join(folder.path, 'app.bin'), 'the display application')
    writeFileSync(join(folder.path, 'can.bin'), 'the controller')
    writeFileSync(join(folder.path, 'can-b.bin'), 'the controller, later')
  })
  afterAll(() => folder.remove())
  beforeEach(async () => {
    clock = fixedClock()
    core = createTestCore({ clock, storage: await under.open() })
  })
  afterEach(() => core.deps.storage.close())

  const apply = (text: string, options: { dryRun?: boolean; prune?: boolean } = {}) => {
    const path = join(folder.path, 'fleet.yaml')
    writeFileSync(path, text)
    return applyFleetFile(core, path, options)
  }
  const acme = async () => core.organisations.get('acme')

  it('makes everything that it names, and a second run changes nothing', async () => {
    const first = await apply(WHOLE)
    expect(first.changes.every((change) => change.action === 'create' || change.kind === 'organisation')).toBe(true)
    expect(first.secrets).toEqual([{ device: 'truck-17', scheme: 'native', token: expect.stringMatching(/^\w{40}$/) }])
    expect(await apply(WHOLE)).toMatchObject({ changes: [], secrets: [] })

    const organisation = await acme()
    expect(organisation).toMatchObject({
      id: '5e10fc5e77ba18070312e171',
      settings: { 'spoke-zone/numeric-ids': true, 'enos/gate': true },
    })
    const facts = await core.gateway.find({ by: 'id', id: '5e1b57808711f904f5df4bad' })
    expect(facts?.device).toMatchObject({ serial: 501, key: 'truck-17', tags: { site: 'graz' } })
    expect(facts?.credentials.map((one) => one.scheme).sort()).toEqual([
      'enos',
      'hawkbit',
      'iotaap',
      'native',
      'spoke-zone',
    ])
    expect(facts?.own?.version).toBe('1.2.3')
    expect(facts?.group?.version).toBe('2026.11')
    expect((await core.organisations.findByAlias('enos/org-id', 'o15504745674071'))?.serial).toBe(organisation.serial)
  })

  it('shows in a dry run what a run would do, and does nothing', async () => {
    const { changes } = await apply(WHOLE, { dryRun: true })
    expect(changes.length).toBeGreaterThan(10)
    await expect(acme()).rejects.toMatchObject({ code: 'not-found' })
    expect((await apply(WHOLE)).changes).toEqual(changes)
  })

  it('puts firmware in its place and makes floors', async () => {
    await apply(WHOLE)
    const { serial } = await acme()
    const product = await core.products.get(serial, 'panel')
    const [firmware] = await core.deps.storage.read.firmware.list(
      { organisation: serial, version: 'rev-b' },
      { limit: 1 },
    )
    expect(product.downgrades).toBe('forbidden')
    expect(firmware).toMatchObject({ sequence: 20, fromVersions: '0.9.0 || rev-a', sealed: true })
    expect(await core.floors.list(serial, 'panel')).toMatchObject([
      { reason: 'moves the partitions' },
      { reason: 'new boot loader', id: '5e2b1c808711f904f5df4bb1', firmware: firmware?.serial },
    ])
  })

  it('changes places, reasons and downgrades, and takes away what it does not name any more', async () => {
    await apply(WHOLE)
    const other = WHOLE.replace('sequence: 20, fromVersions: "0.9.0 || rev-a"', 'sequence: 21, fromVersions: null')
      .replace('downgrades: forbidden', 'downgrades: guarded')
      .replace('reason: new boot loader', 'reason: new boot loader and keys')
      .replace(/.*reason: moves the partitions.*\n/, '')
    const what = 'acme/panel/can-controller rev-b'
    const changed = [
      { action: 'change', kind: 'product', what: 'acme/panel', fields: ['downgrades'] },
      { action: 'change', kind: 'firmware', what, fields: ['sequence', 'fromVersions'] },
      { action: 'change', kind: 'floor', what, fields: ['reason'] },
    ]
    const pruned = [...changed, { action: 'delete', kind: 'floor', what: 'acme/panel/display-app 1.2.3' }]
    expect((await apply(other, { dryRun: true })).changes).toEqual(changed)
    expect((await apply(other, { dryRun: true, prune: true })).changes).toEqual(pruned)
    expect((await apply(other, { prune: true })).changes).toEqual(pruned)
    expect((await apply(other, { prune: true })).changes).toEqual([])
    expect(await core.floors.list((await acme()).serial, 'panel')).toMatchObject([
      { reason: 'new boot loader and keys' },
    ])
  })

  it('does not prune the firmware of a floor that it leaves alone', async () => {
    await apply(WHOLE)
    const without = `organisations:
  - key: acme
    firmware:
      - { product: panel, module: display-app, version: 1.2.3, file: ./app.bin }
      - { product: panel, module: can-controller, version: 0.9.0, file: ./can.bin }
`
    await expect(apply(without, { prune: true })).rejects.toThrow('rev-b is a floor of its product')
    const { changes } = await apply(`${without}    floors: []\n`, { prune: true })
    expect(changes.map(({ action, kind }) => `${action} ${kind}`)).toEqual([
      'delete floor',
      'delete floor',
      'delete firmware',
    ])
  })

  it('changes what differs and leaves what it does not name', async () => {
    await apply(WHOLE)
    const { changes } = await apply(`organisations:
  - key: acme
    devices:
      - { key: truck-17, tags: { site: wien } }
`)
    expect(changes).toEqual([{ action: 'change', kind: 'device', what: 'acme/truck-17', fields: ['tags'] }])
    expect(await core.products.get((await acme()).serial, 'panel')).toMatchObject({ name: 'Display panel' })
  })

  it('deletes what it does not name with prune, in the sections that it has', async () => {
    await apply(WHOLE)
    const { changes } = await apply('organisations:\n  - key: acme\n    assignments: []\n    devices: []\n', {
      prune: true,
    })
    expect(changes.map(({ action, kind }) => `${action} ${kind}`)).toEqual([
      'delete assignment',
      'delete assignment',
      'delete device',
    ])
    expect(await core.groups.get((await acme()).serial, 'pilot')).toBeDefined()
  })

  it.each([
    [
      'an unknown key',
      'organisations:\n  - key: acme\n    produkts: []\n',
      'line 3: organisations.0.produkts: is not a known key',
    ],
    [
      'a missing file',
      'organisations:\n  - key: acme\n    products: [{ key: panel }]\n    firmware:\n      - { product: panel, version: "1", file: ./none.bin }\n',
      'line 5: the file "./none.bin" does not exist',
    ],
    [
      'a bad reference',
      'organisations:\n  - key: acme\n    devices:\n      - { key: a }\n      - { key: b, product: nope }\n',
      'line 5: organisations.0.devices.1: No such product: nope',
    ],
    [
      'a duplicate key',
      'organisations:\n  - key: acme\n    devices:\n      - { key: a }\n      - { key: a }\n',
      'line 5: organisations.0.devices.1: "a" occurs twice',
    ],
    [
      'a version that YAML reads as a number',
      'organisations:\n  - key: acme\n    products: [{ key: panel }]\n    firmware:\n      - { product: panel, version: 1.10, file: ./app.bin }\n',
      'line 5: organisations.0.firmware.0.version: must be text',
    ],
    [
      'a range that is none',
      'organisations:\n  - key: acme\n    products: [{ key: panel }]\n    firmware:\n      - { product: panel, version: "1", file: ./app.bin, fromVersions: ">=1,<2" }\n',
      'line 5: organisations.0.firmware.0: fromVersions: ">=1,<2" is neither a SemVer range nor a version',
    ],
    [
      'a floor of a version that is not there',
      'organisations:\n  - key: acme\n    products: [{ key: panel }]\n    floors:\n      - { product: panel, version: "1", reason: x }\n',
      'line 5: organisations.0.floors.0: No such firmware: panel/main 1',
    ],
    [
      'a floor that occurs twice',
      'organisations:\n  - key: acme\n    floors:\n      - { product: panel, version: "1", reason: x }\n      - { product: panel, version: "1", reason: y }\n',
      'line 5: organisations.0.floors.1: "panel/ 1" occurs twice',
    ],
    [
      'a rollout of nothing',
      'organisations:\n  - key: acme\n    rollouts:\n      - { key: spring, product: panel }\n',
      'line 4: organisations.0.rollouts.0: names either a version or a release',
    ],
    ['broken YAML', 'organisations:\n  - key: [acme\n', 'line '],
  ])('names the line of %s, and applies nothing', async (_name, text, message) => {
    await expect(apply(text)).rejects.toThrow(message)
    await expect(acme()).rejects.toMatchObject({ code: 'not-found' })
  })

  it('refuses other bytes under a version that exists', async () => {
    await apply(WHOLE)
    writeFileSync(join(folder.path, 'app.bin'), 'something else')
    await expect(apply(WHOLE)).rejects.toThrow('a new binary needs a new version')
    writeFileSync(join(folder.path, 'app.bin'), 'the display application')
  })
})
