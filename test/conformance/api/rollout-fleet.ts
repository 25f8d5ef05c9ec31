import type { AskOptions } from '../../../src/core/device-gateway.ts'
import { tendRollouts } from '../../../src/core/rollout/tend.ts'
import { type Api, expectDone, type Tenant } from './fixture.ts'
import { factsOf } from './sample.ts'

const ASK: AskOptions = { via: 'native', reporting: 'progress' }
const BINARY = { 'content-type': 'application/octet-stream' }

/** An organisation with a product, three versions and devices that run the first, as its devices and people see it. */
export class RolloutFleet {
  readonly api: Api
  readonly tenant: Tenant
  readonly #numbers = new Map<string, number>()

  constructor(api: Api, tenant: Tenant) {
    this.api = api
    this.tenant = tenant
  }

  static async make(api: Api, key: string): Promise<RolloutFleet> {
    const fleet = new RolloutFleet(api, await api.tenant(key))
    const { operator } = fleet.tenant
    expectDone(await operator.post('/products', { key: 'panel' }), 201)
    expectDone(await operator.post('/groups', { key: 'pilot' }), 201)
    for (const version of ['1.0.0', '1.1.0', '1.2.0']) {
      const payload = Buffer.from(`${key} ${version}`)
      const path = `/firmware?product=panel&version=${version}`
      expectDone(await operator.call('POST', path, { payload, headers: BINARY }), 201)
    }
    return fleet
  }

  /** Devices `<prefix>0` and so on. */
  async devices(count: number, given: object = {}, prefix = 'd'): Promise<string[]> {
    const keys = Array.from({ length: count }, (_, index) => `${prefix}${index}`)
    for (const key of keys) {
      const body = { key, product: 'panel', credentials: { native: {} }, ...given }
      const { number } = expectDone(await this.tenant.operator.post('/devices', body), 201)
      this.#numbers.set(key, number)
      await this.runs(key, '1.0.0')
    }
    return keys
  }

  /** Makes `spring`, which ships 1.1.0, and starts it. */
  async start(body: object = {}) {
    const given = { key: 'spring', product: 'panel', version: '1.1.0', start: true, ...body }
    return expectDone(await this.tenant.operator.post('/rollouts', given), 201)
  }

  async show(key = 'spring') {
    return expectDone(await this.tenant.viewer.get(`/rollouts/${key}`))
  }

  /** A step by an operator that is taken. */
  async step(name: string, body?: object, key = 'spring') {
    return expectDone(await this.tenant.operator.post(`/rollouts/${key}/${name}`, body))
  }

  async facts(key: string) {
    return factsOf(this.api, this.#numbers.get(key) ?? 0)
  }

  async runs(key: string, version = '1.1.0'): Promise<void> {
    await this.api.core.gateway.checkIn(await this.facts(key), { running: { '': version } })
  }

  /** Those of the devices that were granted something when they asked. */
  async grant(...keys: readonly string[]): Promise<string[]> {
    const granted: string[] = []
    for (const key of keys) if (await this.api.core.gateway.grant(await this.facts(key), ASK)) granted.push(key)
    return granted
  }

  async fail(...keys: readonly string[]): Promise<void> {
    for (const key of keys)
      await this.api.core.gateway.report(await this.facts(key), 'native', { trigger: 'fail', reason: 'flash full' })
  }

  async why(key: string): Promise<string> {
    return expectDone(await this.tenant.viewer.get(`/devices/${key}/explain`)).words
  }

  /** What the server does by itself, after so many seconds. */
  async after(seconds: number): Promise<void> {
    this.api.server.clock.advance(seconds * 1000)
    await tendRollouts(this.api.core.deps)
  }
}
