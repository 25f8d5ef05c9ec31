import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../../src/core/event/event.ts'
import { parseConfig } from '../../../src/protocols/enos/config.ts'
import { deviceActions } from '../../../src/protocols/enos/device-actions.ts'
import { firmwareActions } from '../../../src/protocols/enos/firmware-actions.ts'
import { jobActions } from '../../../src/protocols/enos/jobs/job-actions.ts'
import type { Cases } from './case.ts'
import { API_CASES } from './cases/api.ts'
import { ENOS_CASES } from './cases/enos.ts'
import { IOTAAP_CASES } from './cases/iotaap.ts'
import { NATIVE_CASES } from './cases/native.ts'
import { PUBLIC_ROUTES } from './cases/public.ts'
import { ROLLOUT_CASES } from './cases/rollouts.ts'
import { SPOKE_ZONE_CASES } from './cases/spoke-zone.ts'
import { leaked, markersOf } from './leaks.ts'
import { routesOf } from './route-table.ts'
import type { Tenant } from './tenant.ts'
import { Trial } from './trial.ts'
import { World } from './world.ts'

const CASES: Cases = {
  ...API_CASES,
  ...ROLLOUT_CASES,
  ...IOTAAP_CASES,
  ...SPOKE_ZONE_CASES,
  ...ENOS_CASES,
  ...NATIVE_CASES,
}

const NAMES = Object.keys(CASES)
const READING = NAMES.filter((name) => name.startsWith('GET '))
const CHANGING = NAMES.filter((name) => !name.startsWith('GET '))

let world: World
beforeAll(async () => {
  world = await World.open()
})
afterAll(() => world.close())

describe('the table of cases', () => {
  const declared = [...NAMES.map((name) => name.replace(/#.*$/, '')), ...Object.keys(PUBLIC_ROUTES)]
  // Whatever is asked by GET is asked by HEAD too.
  const covered = new Set([...declared, ...declared.map((name) => name.replace(/^GET /, 'HEAD '))])

  it('has a case, or a reason to be public, for every route', () => {
    expect(routesOf(world.server.app).filter((route) => !covered.has(route))).toEqual([])
  })

  it('has no case for a route that does not exist', () => {
    const routes = new Set(routesOf(world.server.app))
    expect([...covered].filter((route) => !routes.has(route))).toEqual([])
  })

  it('reads the route table as the router knows it', () => {
    const routes = routesOf(world.server.app)
    expect(routes.length).toBeGreaterThan(150)
    const unknown = routes.filter((route) => {
      const [method = '', url = ''] = route.split(' ')
      const other = url.replace(/:(device|group)\b/, ':target')
      return !world.server.app.hasRoute({ method, url }) && !world.server.app.hasRoute({ method, url: other })
    })
    expect(unknown).toEqual([])
  })

  it('has a case for every action of the EnOS routes', () => {
    const actions = [
      ...Object.keys(firmwareActions(world.server.host, parseConfig())).map((name) => ['ota-firmwares', name]),
      ...Object.keys(jobActions(world.server.core, parseConfig())).map((name) => ['ota-jobs', name]),
      ...Object.keys(deviceActions(world.server.core)).map((name) => ['devices', name]),
    ]
    const missing = actions.filter(([path, name]) => !NAMES.some((one) => one.endsWith(`/${path}#${name}`)))
    expect(missing).toEqual([])
  })

  it('would see a leak', async () => {
    const [a, b] = [await world.tenant(), await world.tenant()]
    const markers = markersOf(a, await world.state(a, b))
    const own = world.parties(a, a, a)
    const foreign = { path: '/', headers: {} }
    for (const name of ['GET /api/godwit/v1/devices', 'GET /v1/devices', 'GET /api/v2/ota-files']) {
      const reply = await world.send('GET', CASES[name]?.request(own) ?? foreign)
      expect(leaked(markers, foreign, reply).length, name).toBeGreaterThan(3)
    }
  })
})

describe('reading', () => {
  let pair: readonly [Tenant, Tenant]
  beforeAll(async () => {
    pair = [await world.tenant(), await world.tenant()]
  })

  it.each(READING)('%s keeps organisations apart', async (name) => {
    for (const method of ['HEAD', 'GET']) await tryOut(method, name, pair)
  })
})

describe('changing', () => {
  it.each(CHANGING)('%s keeps organisations apart', async (name) => {
    const [method = ''] = name.split(' ')
    await tryOut(method, name, [await world.tenant(), await world.tenant()])
    await world.server.core.organisations.freezeServer(SYSTEM, false)
  })
})

/** Foreign attempts while everything is there, then the same request of one's own, then the attempts once more. */
async function tryOut(method: string, name: string, pair: readonly [Tenant, Tenant]): Promise<void> {
  const one = CASES[name]
  if (!one) throw new Error(`no case ${name}`)
  const trial = new Trial(world, { method, one, pair })
  await trial.everyMixture()
  await trial.succeed()
  await trial.everyMixture()
}
