import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, vi } from 'vitest'
import type { TestServerOptions } from '../../support/test-server.ts'
import { API_CASES } from '../isolation/cases/api.ts'
import { ENOS_CASES } from '../isolation/cases/enos.ts'
import { IOTAAP_CASES } from '../isolation/cases/iotaap.ts'
import { NATIVE_CASES } from '../isolation/cases/native.ts'
import { SPOKE_ZONE_CASES } from '../isolation/cases/spoke-zone.ts'
import type { Tenant } from '../isolation/tenant.ts'
import { World } from '../isolation/world.ts'
import { type Exchange, type ExchangeOptions, exchange, type WireAnswer } from './raw-exchange.ts'

/** One request that each protocol must still answer, whatever came before. */
const HEALTHY = {
  'GET /api/godwit/v1/devices': API_CASES,
  'GET /v1/devices': IOTAAP_CASES,
  'GET /api/v2/ota-files': SPOKE_ZONE_CASES,
  'GET /device/v1/wait': NATIVE_CASES,
  'GET /connect-service/v2.1/ota-firmwares': ENOS_CASES,
} as const

interface Kept {
  readonly rows: readonly string[]
  readonly blobs: readonly string[]
}

/** A server with one organisation, and the means to say that an attack left no mark. */
export class Victim {
  readonly world: World
  readonly tenant: Tenant
  #kept: Kept | undefined

  private constructor(world: World, tenant: Tenant) {
    this.world = world
    this.tenant = tenant
  }

  static async start(options: Pick<TestServerOptions, 'http' | 'limits'> = {}): Promise<Victim> {
    const world = await World.open(options)
    const victim = new Victim(world, await world.tenant())
    // The first healthy round opens updates and signs of life, which is no harm.
    await victim.#answersEverybody()
    await victim.keep()
    return victim
  }

  /** Takes things as they stand: what follows must not change them. */
  async keep(): Promise<void> {
    this.#kept = await this.#look()
  }

  get port(): number {
    return Number(new URL(this.world.server.url).port)
  }

  /** Sends bytes over a connection of their own. */
  attack(pieces: Parameters<typeof exchange>[1], options?: ExchangeOptions): Promise<Exchange> {
    return exchange(this.port, pieces, options)
  }

  /** The server lives, answers every protocol, and keeps exactly the rows and files that it had. */
  async expectUnharmed(): Promise<void> {
    await this.#answersEverybody()
    await vi.waitFor(async () => expect(await this.#look()).toEqual(this.#kept), { timeout: 5_000 })
    const faults = this.world.server
      .log()
      .split('\n')
      .filter((line) => /"level":[56]0/.test(line))
    expect(faults, 'nothing is to be the fault of the server').toEqual([])
  }

  async #answersEverybody(): Promise<void> {
    const { tenant, world } = this
    for (const [name, cases] of Object.entries(HEALTHY)) {
      const attempt = cases[name]?.request(world.parties(tenant, tenant, tenant))
      if (!attempt) throw new Error(`no case ${name}`)
      const reply = await world.send('GET', attempt)
      expect(reply.status, `${name}: ${reply.text.slice(0, 200)}`).toBe(200)
    }
  }

  async #look(): Promise<Kept> {
    await this.world.server.core.lastSeen.flush()
    const { owned, unowned } = await this.world.state(this.tenant)
    const rows = [...(owned.get(this.tenant.organisation.serial) ?? []), ...unowned]
    // A signature that was used is remembered even when what it signed is refused.
    return { rows: rows.filter((row) => !row.startsWith('once ')), blobs: await this.#files() }
  }

  async #files(): Promise<string[]> {
    const found = await Promise.all(
      ['blobs', 'tmp'].map(async (folder) => {
        const entries = await readdir(join(this.world.folder, folder), { recursive: true, withFileTypes: true })
        return entries.filter((entry) => entry.isFile()).map((entry) => `${folder}/${entry.name}`)
      }),
    )
    return found.flat().sort()
  }

  async close(): Promise<void> {
    await this.world.close()
  }
}

/** A refusal that its client can understand: below 500, in the shape of who owns the path. */
export function expectRefusal(answer: WireAnswer | undefined, path: string): void {
  const what = `${path}: ${JSON.stringify({ ...answer, headers: [...(answer?.headers ?? [])] })}`
  expect(answer, what).toBeDefined()
  if (!answer) return
  // [iotaap 3.3] The one refusal that the vendor answers with 500.
  if (answer.body !== '{"message":"Group ID is not valid"}') expect(answer.status, what).toBeLessThan(500)
  const refused =
    answer.status >= 400 ||
    (path.startsWith('/connect-service') && !answer.body.startsWith('{"code":0,')) ||
    path.startsWith('/apim-token-service') ||
    path.startsWith('/topic')
  expect(refused, what).toBe(true)
  if (answer.headers.get('content-length') === '0') return
  expect(answer.body, what).toMatch(shapeOf(path))
  expect(answer.body, `no stack: ${what}`).not.toMatch(/\bat \S+ \(|node_modules|\/src\//)
}

function shapeOf(path: string): RegExp {
  const [, first = '', second = ''] = path.replace(/^\/+/, '/').split(/[/?#]/)
  if (first === 'v1') return /^(\{"message":|\{"error":|<!DOCTYPE html>|Unauthorized$)/
  if (first === 'connect-service') return /^\{"code":\d+,"msg":/
  if (first === 'apim-token-service') return /^\{"status":\d+,"msg":/
  if (first === 'auth' || first === 'topic' || first === 'multipart') return /^\{("id":"[^"]*",)?"code":\d+,"message":/
  if (first === 'device') return /^\{"type":"urn:godwit:device:/
  if (first === 'docs' || (first === 'api' && second === 'godwit')) return /^\{"type":"\/docs#problem-/
  if (first === 'login' || first === 'loginDevice' || (first === 'api' && /^v[12]$/.test(second)))
    return /^\{"errors":\[/
  return /^\{"error":/
}
