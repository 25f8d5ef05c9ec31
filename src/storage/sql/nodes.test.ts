import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { fixedClock } from '../../../test/support/fixed-clock.ts'
import { sharedPostgres } from '../../../test/support/postgres.ts'
import { NATIVE, RolloutFleet } from '../../../test/support/rollout-fleet.ts'
import { metered } from '../../../test/support/statement-meter.ts'
import { createTestCore } from '../../../test/support/test-core.ts'
import type { Core } from '../../core/create-core.ts'
import type { DeviceFacts } from '../../core/device/device-facts.ts'
import { hashToken } from '../../core/device/secret-hash.ts'
import type { Storage } from '../../core/ports.ts'
import { openSqlStorage } from './open-storage.ts'

const postgres = await sharedPostgres()
/** Readings of changes come by notification alone, so that none is counted. */
const RARELY = { changePollMs: 60_000, changeTrustMs: 120_000 }
const CATALOGUE = { via: 'spoke-zone', reporting: 'silent', isVerifiable: false } as const

describe.skipIf(postgres.kind === 'none')('polls on one of two processes over one PostgreSQL', () => {
  let template: string
  let storages: Storage[] = []
  /** Where operators work. */
  let a: RolloutFleet
  /** Where the device calls. */
  let b: Core
  beforeAll(async () => {
    if (postgres.kind === 'none') throw new Error(postgres.skip)
    template = await postgres.createDatabase()
    await (await openSqlStorage({ kind: 'postgres', url: template, migrate: true })).close()
  })
  const closeAll = async () => {
    for (const storage of storages.splice(0)) await storage.close()
  }
  beforeEach(async () => {
    await closeAll()
    if (postgres.kind === 'none') throw new Error(postgres.skip)
    const url = await postgres.createDatabase(template)
    const open = () => openSqlStorage({ kind: 'postgres', url, poolSize: 3, ...RARELY })
    storages = [await open(), await open()]
    const [first, second] = storages
    if (!first || !second) throw new Error('two storages')
    a = await RolloutFleet.open({ storage: first })
    await a.addDevices(1)
    b = createTestCore({ storage: second, clock: fixedClock() })
  })
  afterAll(closeAll)

  async function facts(core = b): Promise<DeviceFacts> {
    const { serial } = await a.device('d0')
    const found = await core.gateway.find({ by: 'serial', serial })
    if (!found) throw new Error('the device is gone')
    return found
  }
  const answer = async () => {
    const decision = b.gateway.decide(await facts(), NATIVE)
    return decision.kind === 'update' ? decision.offer.version : decision.kind
  }
  const becomes = (expected: string) => expect.poll(answer, { interval: 5, timeout: 5_000 }).toBe(expected)
  const assign = (version: string) =>
    a.core.assignments.assign(a.scope, { device: 'd0' }, { product: 'panel', version })
  const withdraw = async (version: string) => {
    const found = await a.core.deps.storage.read.firmware.listFiles(
      { organisation: a.scope.organisation, scope: 'library' },
      { limit: 9 },
    )
    const id = found.find(({ firmware }) => firmware.version === version)?.firmware.id ?? ''
    await a.core.firmware.update(a.scope, id, { withdrawn: true })
  }

  it('cost no statement when nothing changed, also with a rollout that may grant', async () => {
    await a.start({ stages: [{ count: 1 }] })
    const { serial } = await a.device('d0')
    await a.core.credentials.rotate(a.scope, { device: serial }, { scheme: 'native', secret: 'a secret' })
    const reference = { by: 'token', scheme: 'native', hash: hashToken('a secret') } as const
    await becomes('1.1.0')
    for (let poll = 0; poll < 3; poll += 1) await b.gateway.find(reference)
    const { statements } = await metered(async () => {
      for (let poll = 0; poll < 100; poll += 1) {
        const known = await b.gateway.find(reference)
        if (known?.device.serial !== serial) throw new Error('not found')
        b.gateway.decide(known, NATIVE)
        await b.gateway.checkIn(known, { running: { main: '1.0.0' } })
      }
    })
    expect(statements).toBe(0)
  })

  it('see what operators change on the other', async () => {
    await becomes('none')
    await assign('1.1.0')
    await becomes('1.1.0')
    await a.core.organisations.update(a.scope, { frozen: true })
    await becomes('none')
    await a.core.organisations.update(a.scope, { frozen: false })
    await becomes('1.1.0')
    await withdraw('1.1.0')
    await becomes('none')
    await assign('1.2.0')
    await becomes('1.2.0')
  })

  it('see a rollout begin, pause and fill up', async () => {
    await becomes('none')
    await a.start({ stages: [{ count: 1 }] })
    await becomes('1.1.0')
    await a.core.rolloutControl.pause(a.scope, 'spring')
    await becomes('none')
    await a.core.rolloutControl.resume(a.scope, 'spring')
    await becomes('1.1.0')
    await a.grant('d0')
    await expect.poll(async () => (await facts()).open?.state, { interval: 5, timeout: 5_000 }).toBe('offered')
  })

  it('know a token at once that was made on the other, and a revoked one no more', async () => {
    await facts()
    const owner = { device: (await a.device('d0')).serial }
    const find = (secret: string) => b.gateway.find({ by: 'token', scheme: 'native', hash: hashToken(secret) })
    for (let round = 0; round < 10; round += 1) {
      const secret = `secret ${round}`
      const { serial } = await a.core.credentials.rotate(a.scope, owner, { scheme: 'native', secret }, 0)
      expect((await find(secret))?.credentials.map((one) => one.serial)).toContain(serial)
    }
    await a.core.credentials.remove(a.scope, owner, 'native')
    await expect.poll(() => find('secret 9'), { interval: 5, timeout: 5_000 }).toBeUndefined()
  })

  const stops: ReadonlyArray<readonly [name: string, stop: () => Promise<unknown>]> = [
    ['paused', () => a.core.rolloutControl.pause(a.scope, 'spring')],
    ['stopped', () => a.core.rolloutControl.stop(a.scope, 'spring')],
    ['frozen', () => a.core.organisations.update(a.scope, { frozen: true })],
    ['withdrawn', () => withdraw('1.1.0')],
  ]
  it.each(stops)('grant nothing of a rollout that was %s a moment ago', async (_, stop) => {
    await a.start({ stages: [{ percent: 100 }] })
    await becomes('1.1.0')
    const stale = await facts()
    await stop()
    expect(b.gateway.decide(stale, NATIVE).kind).toBe('update')
    const granted = await b.gateway.grant(stale, NATIVE)
    const ticket = await b.gateway.startDownload(stale, NATIVE)
    expect([granted, ticket]).toEqual([undefined, undefined])
    expect((await facts(a.core)).open).toBeUndefined()
  })

  const hidden: ReadonlyArray<readonly [name: string, hide: () => Promise<unknown>]> = [
    ['withdrawn', () => withdraw('1.1.0')],
    ['frozen', () => a.core.organisations.update(a.scope, { frozen: true })],
    ['the device disabled', () => a.core.devices.update(a.scope, 'd0', { status: 'disabled' })],
    ['the product managed', () => a.core.products.update(a.scope, 'panel', { distribution: 'managed' })],
  ]
  it.each(hidden)('start no download from a list that is a moment old: %s', async (_, hide) => {
    const stale = await facts()
    const file = (await b.gateway.catalogue(stale, CATALOGUE.via)).find(({ firmware }) => firmware.version === '1.1.0')
    if (!file) throw new Error('not listed')
    await hide()
    expect(await b.gateway.startCatalogueDownload(stale, file, CATALOGUE.via)).toBeUndefined()
    expect((await facts(a.core)).open).toBeUndefined()
  })
})
