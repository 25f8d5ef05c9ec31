import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { expect } from 'vitest'
import type { Core } from '../../src/core/create-core.ts'
import type { Rollout } from '../../src/core/rollout/rollout.ts'
import { tendRollouts } from '../../src/core/rollout/tend.ts'
import { loadConfig } from '../../src/server/config/load-config.ts'
import { openCore } from '../../src/server/start-server.ts'
import { seededRandom } from '../../src/simulator/seeded-random.ts'
import { DeviceCalls } from '../support/device-calls.ts'
import { type NativeDevice, nativeFleet } from '../support/native-fleet.ts'
import { type SpawnedServer, spawnServer } from '../support/spawn-server.ts'
import { type Line, runDevices } from './rollout-clients.ts'
import { type Fate, RolloutLedger } from './rollout-ledger.ts'
import { verifyEnd, verifyRollout } from './rollout-verify.ts'

export interface RolloutCrash {
  readonly devices: number
  readonly kills: number
  /** Devices that call at the same time. */
  readonly atOnce: number
  /** An empty, migrated PostgreSQL database; SQLite in the data directory unless given. */
  readonly databaseUrl?: string
  /** Server processes on that database, which die at the same moment; devices call them in turns. */
  readonly servers?: number
  /** In place of the servers, which live on: what breaks the database and brings it back. */
  readonly breakDatabase?: () => Promise<void>
  /** Ends with the last answer, and does not wait until devices have settled. */
  readonly isShort?: true
  readonly seed?: string
}

export interface RolloutCrashFigures {
  readonly seed: string
  readonly devices: number
  readonly kills: number
  readonly acknowledged: number
  /** Reports that were taken although the answer never arrived. */
  readonly duplicates: number
  /** Calls that were told to come again, as the database was away. */
  readonly refused: number
  readonly seconds: number
}

/** Calls of one device in the mean: a check, three reports and the last word. */
const CALLS = 5
/** The server dies so long at the most after its time has come, ms. */
const WITHIN_MS = 200
/** T of the gate, seconds: devices settle while the rollout is under way. */
const CONFIRM_SECONDS = 10

/**
 * A rollout that everybody is granted, over sockets, while the servers are killed with SIGKILL again and again and started
 * anew. After every death and at the end the database is compared with what the devices know. Where it is the database
 * that breaks, only at the end.
 */
export async function rolloutCrashRun(crash: RolloutCrash): Promise<RolloutCrashFigures> {
  const began = Date.now()
  const seed = crash.seed ?? String(began % 1_000_000)
  const random = seededRandom(seed)
  const data = mkdtempSync(join(tmpdir(), 'godwit-rollout-crash-'))
  const world = new World(data, crash)
  try {
    const { rollout, devices } = await world.prepare(crash.devices)
    const ledger = new RolloutLedger(devices, () => fateOf(random.fraction()))
    const line = world.line(ledger)
    await world.start()
    const lives = runDevices(line, ledger.devices, crash.atOnce)
    let isOver = false
    const over = () => {
      isOver = true
    }
    lives.then(over, over)
    for (let kill = 0; kill < crash.kills; kill += 1) {
      const due = (crash.devices * CALLS * (kill + 0.5)) / (crash.kills + 0.5)
      await until(() => ledger.acknowledged >= due || isOver)
      await sleep(random.integer(WITHIN_MS))
      if (crash.breakDatabase) await crash.breakDatabase()
      else {
        await world.kill()
        await world.open((core) => verifyRollout(core, rollout, ledger))
        await world.start()
      }
    }
    await lives
    expect(await world.stop()).toEqual([])
    await world.open(async (core) => {
      await verifyRollout(core, rollout, ledger)
      if (crash.isShort) return
      await untilSettled(core, rollout)
      await verifyEnd(core, rollout, ledger)
      await verifyRollout(core, rollout, ledger)
    })
    const { acknowledged, duplicates, refused } = ledger
    const seconds = Math.round((Date.now() - began) / 1000)
    return { seed, devices: crash.devices, kills: crash.kills, acknowledged, duplicates, refused, seconds }
  } catch (error) {
    throw new Error(`seed ${seed}`, { cause: error })
  } finally {
    await world.kill()
    rmSync(data, { recursive: true, force: true })
  }
}

function fateOf(fraction: number): Fate {
  if (fraction < 0.05) return 'fails'
  if (fraction < 0.08) return 'falls-back'
  return fraction < 0.1 ? 'falls-silent' : 'arrives'
}

/** One database, and the servers that live on it at the moment; the first has the data directory. */
class World {
  readonly #data: string
  readonly #env: Record<string, string>
  readonly #folders: readonly string[]
  readonly #mayRefuse: boolean
  #servers: SpawnedServer[] = []
  #living = Promise.withResolvers<DeviceCalls[]>()
  #turn = 0

  constructor(data: string, crash: RolloutCrash) {
    const { databaseUrl, servers = 1 } = crash
    this.#data = data
    this.#mayRefuse = crash.breakDatabase !== undefined
    const others = Array.from({ length: servers - 1 }, (_, index) => join(data, `server-${index + 2}`))
    for (const folder of others) mkdirSync(folder)
    this.#folders = [data, ...others]
    const masterKey = Buffer.alloc(32, 1).toString('base64')
    this.#env = databaseUrl === undefined ? {} : { GODWIT_DATABASE_URL: databaseUrl, GODWIT_MASTER_KEY: masterKey }
  }

  async prepare(count: number): Promise<{ rollout: Rollout; devices: NativeDevice[] }> {
    return this.open(async (core) => {
      const { scope, devices } = await nativeFleet(core, count)
      await core.rollouts.create(scope, {
        key: 'spring',
        release: { product: 'panel', version: '1.1.0' },
        health: { mode: 'off', allowance: 'unlimited', confirmSeconds: CONFIRM_SECONDS },
        options: { retry: { attempts: 2, pauseSeconds: 1, steady: true }, ignorePenalty: true },
      })
      return { rollout: await core.rolloutControl.start(scope, 'spring'), devices }
    })
  }

  line(ledger: RolloutLedger): Line {
    const server = async () => {
      const living = await this.#living.promise
      this.#turn += 1
      return living[this.#turn % living.length] ?? Promise.reject(new Error('no server'))
    }
    return { ledger, server, mayRefuse: this.#mayRefuse }
  }

  async start(): Promise<void> {
    const env = this.#env
    this.#servers = await Promise.all(this.#folders.map((data) => spawnServer({ data, args: ['--log', 'warn'], env })))
    this.#living.resolve(this.#servers.map(({ url }) => new DeviceCalls(url, 1024)))
  }

  async kill(): Promise<void> {
    const servers = this.#servers
    if (servers.length === 0) return
    const living = await this.#living.promise
    this.#servers = []
    this.#living = Promise.withResolvers()
    await Promise.all(servers.map((server) => server.kill9()))
    for (const calls of living) calls.close()
    await this.#untilLetGo()
  }

  /** Exit codes that are not 0. */
  async stop(): Promise<(number | null)[]> {
    for (const calls of await this.#living.promise) calls.close()
    const codes = await Promise.all(this.#servers.map((server) => server.stop()))
    this.#servers = []
    return codes.filter((code) => code !== 0)
  }

  /** The database without a server. */
  async open<T>(work: (core: Core) => Promise<T>): Promise<T> {
    const { core, storage } = await openCore(
      loadConfig({ cwd: this.#data, env: this.#env, flags: { data: this.#data } }),
    )
    try {
      return await work(core)
    } finally {
      await storage.close()
    }
  }

  /** PostgreSQL notices the death of a client when it next reads from it: what it was doing is then done or undone. */
  async #untilLetGo(): Promise<void> {
    const url = this.#env['GODWIT_DATABASE_URL']
    if (url === undefined) return
    const client = new pg.Client({ connectionString: url, application_name: 'crash' })
    await client.connect()
    const query = `select 1 from pg_stat_activity where application_name = 'godwit' and datname = current_database()`
    try {
      while (((await client.query(query)).rowCount ?? 0) > 0) await sleep(20)
    } finally {
      await client.end()
    }
  }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(10)
}

/** Devices settle by the clock. */
async function untilSettled(core: Core, { serial }: Rollout): Promise<void> {
  const { read } = core.deps.storage
  const last = Date.now() + CONFIRM_SECONDS * 1000
  while (Date.now() <= last + 1000) {
    await tendRollouts(core.deps)
    const whole = await read.rolloutTallies.find(serial, 'rollout')
    if (whole?.counts.settled === whole?.counts.granted) return
    await sleep(200)
  }
}
