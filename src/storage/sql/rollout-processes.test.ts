import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sharedPostgres } from '../../../test/support/postgres.ts'
import { newRollout } from '../../../test/support/rollout-rows.ts'
import { insertFleet } from '../../../test/support/storage-suite.ts'
import type { Storage } from '../../core/ports.ts'
import { WHOLE } from '../../core/rollout/tally.ts'
import { openSqlStorage } from './open-storage.ts'

const SCRIPT = fileURLToPath(new URL('../../../test/support/claiming-process.ts', import.meta.url))
const CLAIMS = 25

const postgres = await sharedPostgres()

/** Asks on one line and takes the next one as the answer. */
class ClaimingProcess {
  readonly #child: ChildProcessWithoutNullStreams
  readonly #lines: AsyncIterator<string>

  constructor(url: string) {
    this.#child = spawn(process.execPath, [SCRIPT, url, String(CLAIMS)])
    this.#child.stderr.pipe(process.stderr)
    this.#lines = createInterface(this.#child.stdout)[Symbol.asyncIterator]()
  }

  async line(): Promise<string> {
    const { value, done } = await this.#lines.next()
    if (done) throw new Error('the process is gone')
    return value
  }

  async claim(rollout: number): Promise<number> {
    this.#child.stdin.write(`${rollout}\n`)
    return Number(await this.line())
  }

  async end(): Promise<void> {
    const exit = once(this.#child, 'exit')
    this.#child.stdin.end()
    await exit
  }
}

describe.skipIf(postgres.kind === 'none')('two processes on one PostgreSQL', () => {
  let storage: Storage
  let processes: ClaimingProcess[] = []
  beforeAll(async () => {
    if (postgres.kind === 'none') throw new Error(postgres.skip)
    const url = await postgres.createDatabase()
    storage = await openSqlStorage({ kind: 'postgres', url, migrate: true })
    processes = [new ClaimingProcess(url), new ClaimingProcess(url)]
    for (const each of processes) expect(await each.line()).toBe('ready')
  })
  afterAll(async () => {
    await Promise.all(processes.map((each) => each.end()))
    await storage.close()
  })

  it('grant 10 devices of a limit of 10 together, every time', async () => {
    for (let round = 0; round < 20; round += 1) {
      const rollout = await storage.transaction(async (stores) => {
        const { release } = await insertFleet(stores)
        const { serial } = await stores.rollouts.insert(newRollout(release))
        await stores.rolloutTallies.create(serial, [], { grantLimit: 10, unverifiableLimit: 0 })
        await stores.rolloutTallies.setLimits(serial, WHOLE, { isActive: true })
        return serial
      })
      const claimed = await Promise.all(processes.map((each) => each.claim(rollout)))
      expect(claimed.reduce((sum, count) => sum + count, 0)).toBe(10)
      const tally = await storage.read.rolloutTallies.find(rollout, WHOLE)
      expect(tally).toMatchObject({ counts: { granted: 10 }, devices: 10, slots: 10 })
    }
  })
})
