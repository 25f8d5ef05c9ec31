import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sharedPostgres } from '../support/postgres.ts'
import { rawRequest } from '../support/raw-client.ts'
import { GODWIT, OWNER, type SpawnedServer, spawnServer } from '../support/spawn-server.ts'
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'
import { Run } from './secrets/run.ts'
import { noteSealed, Secrets } from './secrets/secrets.ts'
import { breakFiles, deploy, logIn, useSecrets } from './secrets/steps.ts'

const postgres = await sharedPostgres()
let folder: TemporaryFolder
beforeAll(async () => {
  folder = await temporaryFolder()
})
afterAll(() => folder.remove())

async function talk(server: SpawnedServer, secrets: Secrets, data: string): Promise<void> {
  const run = new Run(server, secrets)
  const filled = await run.fill()
  const tokens = await logIn(run, filled)
  await useSecrets(run, filled, tokens)
  await deploy(run, filled, tokens.jwt)
  const absolute = secrets.make('password in an address')
  await rawRequest(Number(new URL(server.url).port), [
    `GET http://user:${absolute}@elsewhere/api/v2/ota-files?token=${absolute} HTTP/1.1`,
    'Host: test',
  ])
  await breakFiles(run, filled, { tokens, data })
}

describe('no secret is ever logged', () => {
  it.each(['trace', 'debug', 'info'])('at level %s, over SQLite', async (level) => {
    const data = join(folder.path, level)
    const secrets = new Secrets()
    const server = await spawnServer({ data, env: { GODWIT_LOG: level } })
    secrets.note('owner password', OWNER.password)
    secrets.note('master key', readFileSync(join(data, 'master.key'), 'utf8').trim())
    await talk(server, secrets, data)
    expect(await server.stop()).toBe(0)
    noteSealed(secrets, join(data, 'godwit.db'))

    expect(secrets.size).toBeGreaterThan(40)
    expect(server.stderr()).toContain('"level":50')
    expect(secrets.in(server.stderr())).toEqual([])
    expect(secrets.in(server.stdout())).toEqual([])
  })

  it.skipIf(postgres.kind === 'none')('over PostgreSQL, the key in the environment', async () => {
    if (postgres.kind === 'none') return
    const data = join(folder.path, 'postgres')
    mkdirSync(data, { mode: 0o700 })
    const secrets = new Secrets()
    const key = secrets.note('master key', randomBytes(32).toString('base64'))
    const url = await postgres.createDatabase()
    const env = { GODWIT_LOG: 'trace', GODWIT_DATABASE_URL: url, GODWIT_MASTER_KEY: key }
    await migrate(data, env)
    const server = await spawnServer({ data, env })
    secrets.note('owner password', OWNER.password)
    await talk(server, secrets, data)
    expect(await server.stop()).toBe(0)
    expect(server.stderr()).toContain('"level":50')
    expect(secrets.in(server.stderr())).toEqual([])
    expect(secrets.in(server.stdout())).toEqual([])
  })

  it('not even when the server cannot start', async () => {
    const secrets = new Secrets()
    const password = secrets.make('database password')
    const key = secrets.note('master key', createHash('sha256').update('key').digest('base64'))
    const env = {
      GODWIT_LOG: 'trace',
      GODWIT_DATABASE_URL: `postgres://user:${password}@127.0.0.1:1/godwit`,
      GODWIT_MASTER_KEY: key,
      GODWIT_OWNER_PASSWORD: secrets.make('owner password'),
    }
    for (const args of [['serve', '--port', '0'], ['migrate'], ['config'], ['doctor']]) {
      const { output } = await run(args, join(folder.path, 'nothing'), env)
      expect(output.length, args.join(' ')).toBeGreaterThan(0)
      expect(secrets.in(output), args.join(' ')).toEqual([])
    }
    const broken = { ...env, GODWIT_MASTER_KEY: `${key}${secrets.make('more key')}` }
    expect(secrets.in((await run(['serve', '--port', '0'], join(folder.path, 'nothing'), broken)).output)).toEqual([])
  })
})

function run(
  args: readonly string[],
  data: string,
  env: Record<string, string>,
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [GODWIT, ...args, '--data', data], { env: { ...process.env, ...env } })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => {
        output += chunk
      })
    child.once('close', (code) => resolve({ code, output }))
  })
}

async function migrate(data: string, env: Record<string, string>): Promise<void> {
  const { code, output } = await run(['migrate'], data, env)
  if (code !== 0) throw new Error(output)
}
