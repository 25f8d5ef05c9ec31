import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { Core } from '../../src/core/create-core.ts'
import type { RolloutInput } from '../../src/core/rollout/rollout-input.ts'
import { loadRoom } from '../../src/core/rollout/room.ts'
import { minuteOf } from '../../src/core/rollout/tally.ts'
import type { Scope } from '../../src/core/service.ts'
import { loadConfig } from '../../src/server/config/load-config.ts'
import { openCore } from '../../src/server/start-server.ts'
import { DeviceCalls } from '../support/device-calls.ts'
import { type NativeDevice, nativeFleet } from '../support/native-fleet.ts'
import { expectCounted } from '../support/recount.ts'
import { ROOT, type SpawnedServer, spawnServer } from '../support/spawn-server.ts'

const POLLERS = 64
const ROOM = 10
const OFF = { mode: 'off', allowance: 'unlimited' } as const

/** Each leaves room for ten devices, by another limit. */
export const LIMITS: Readonly<Record<string, Partial<RolloutInput>>> = {
  'a stage of 10 devices': { stages: [{ count: ROOM }], health: OFF },
  '10 updates at once': { stages: [{ percent: 100, concurrency: ROOM }], health: OFF },
  '10 grants a minute': { stages: [{ percent: 100, ratePerMinute: ROOM }], health: OFF },
  'the first allowance of the gate': {},
}

/** Two servers, 64 devices and a hand on their database. */
export class TwoServers {
  readonly #folder: string
  readonly #core: Core
  readonly #scope: Scope
  readonly #devices: readonly NativeDevice[]
  readonly #servers: readonly SpawnedServer[]
  readonly #calls: readonly DeviceCalls[]
  #repetition = 0

  private constructor(parts: {
    folder: string
    core: Core
    fleet: { scope: Scope; devices: NativeDevice[] }
    servers: SpawnedServer[]
  }) {
    this.#folder = parts.folder
    this.#core = parts.core
    this.#scope = parts.fleet.scope
    this.#devices = parts.fleet.devices
    this.#servers = parts.servers
    this.#calls = parts.servers.map(({ url }) => new DeviceCalls(url, 2 * POLLERS))
  }

  /** Over an empty PostgreSQL database. */
  static async start(databaseUrl: string): Promise<TwoServers> {
    const folder = mkdtempSync(join(tmpdir(), 'godwit-races-'))
    const env = { GODWIT_DATABASE_URL: databaseUrl, GODWIT_MASTER_KEY: Buffer.alloc(32, 1).toString('base64') }
    const places = ['core', 'a', 'b'].map((name) => join(folder, name))
    for (const data of places) {
      mkdirSync(data)
      // Many more calls a minute than a device has any use for.
      writeFileSync(join(data, 'godwit.yaml'), 'native:\n  callsPerMinute: 100000\nlog: warn\n')
    }
    const [own = '', ...theirs] = places
    const migrated = spawnSync(process.execPath, [join(ROOT, 'bin/godwit.cjs'), 'migrate', '--data', own], {
      env: { ...process.env, ...env },
      encoding: 'utf8',
    })
    expect(migrated.status, migrated.stderr).toBe(0)
    const { core } = await openCore(loadConfig({ cwd: folder, env, flags: { data: own } }))
    const fleet = await nativeFleet(core, POLLERS)
    const servers: SpawnedServer[] = []
    for (const data of theirs) servers.push(await spawnServer({ data, env }))
    const both = new TwoServers({ folder, core, fleet, servers })
    await both.#poll(true)
    return both
  }

  /** All devices ask at once, in every second repetition on both servers: exactly ten are granted something. */
  async repeat(limits: Partial<RolloutInput>): Promise<void> {
    const core = this.#core
    const key = `race-${this.#repetition++}`
    const isDouble = this.#repetition % 2 === 0
    await core.rollouts.create(this.#scope, { ...limits, key, release: { product: 'panel', version: '1.1.0' } })
    const { minute, told } = await this.#withinAMinute(async () => {
      await core.rolloutControl.start(this.#scope, key)
      return this.#poll(isDouble)
    })
    const rollout = await core.rollouts.get(this.#scope.organisation, key)
    const filter = { organisation: rollout.organisation, rollout: rollout.serial }
    const updates = await core.deps.storage.read.updates.list(filter, { limit: 1000 })
    expect([...told.keys()], 'devices that were answered update').toHaveLength(ROOM)
    expect([...told.values()].flat(), 'what each was told').toHaveLength(ROOM)
    expect(updates.map(({ id }) => id).toSorted(), 'updates').toEqual([...told.values()].flat().toSorted())
    const room = await loadRoom(core.deps.storage.read, rollout.serial)
    for (const tally of [room?.whole, room?.stages[0]])
      expect(tally).toMatchObject({ devices: ROOM, slots: ROOM, minuteGrants: ROOM, outcomes: { open: ROOM } })
    expect(room?.whole.minute).toBe(minute)
    await expectCounted(core.deps.storage.read, rollout)
    await core.rolloutControl.finish(this.#scope, key)
    for (const { id } of updates) await core.updates.cancel(this.#scope, id)
  }

  async stop(): Promise<void> {
    for (const calls of this.#calls) calls.close()
    const codes = await Promise.all(this.#servers.map((server) => server.stop()))
    await this.#core.deps.storage.close()
    rmSync(this.#folder, { recursive: true, force: true })
    expect(codes).toEqual([0, 0])
    for (const server of this.#servers) expect(server.stderr(), 'a log without complaints').toBe('')
  }

  /** Which devices were told to update, each with the different updates that it was told of. */
  async #poll(isDouble: boolean): Promise<Map<string, string[]>> {
    const told = new Map<string, Set<string>>()
    const ask = async ({ key, token }: NativeDevice, calls: DeviceCalls | undefined) => {
      const reply = await calls?.check(token, { running: { main: '1.0.0' } })
      expect(reply?.status, JSON.stringify(reply?.json)).toBe(200)
      const { action, update } = reply?.json ?? {}
      if (action === 'update') told.set(key, (told.get(key) ?? new Set()).add(update.id))
    }
    const asked = this.#devices.flatMap((device, index) => {
      const ways = isDouble ? this.#calls : [this.#calls[index % 2]]
      return ways.map((calls) => ask(device, calls))
    })
    await Promise.all(asked)
    return new Map([...told].map(([key, ids]) => [key, [...ids]]))
  }

  /** A minute of the clock that ends in between would bring room for ten more: waits for the next one where it is near. */
  async #withinAMinute(work: () => Promise<Map<string, string[]>>) {
    const left = 60_000 - (Date.now() % 60_000)
    if (left < LONGEST_MS) await sleep(left + 10)
    const minute = minuteOf(Date.now())
    const told = await work()
    expect(minuteOf(Date.now()), 'all within one minute').toBe(minute)
    return { minute, told }
  }
}

/** The longest that a repetition may take. */
const LONGEST_MS = 10_000
