import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { get } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadConfig } from '../../src/server/config/load-config.ts'
import { openCore } from '../../src/server/start-server.ts'
import { NativeClient } from '../support/native-client.ts'
import { type NativeDevice, nativeFleet } from '../support/native-fleet.ts'
import { findNginx, type Nginx, startNginx } from '../support/nginx.ts'
import { sharedPostgres } from '../support/postgres.ts'
import { ROOT, type SpawnedServer, spawnServer } from '../support/spawn-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const postgres = await sharedPostgres()
const nginx = findNginx()
const skip = postgres.kind === 'none' || 'skip' in nginx
const DEVICES = 20

describe.skipIf(skip)('two servers on one PostgreSQL, behind nginx as the compose file has it', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let servers: SpawnedServer[] = []
  let devices: NativeDevice[]
  let proxy: Nginx

  beforeAll(async () => {
    if (postgres.kind === 'none' || 'skip' in nginx) return
    folder = await temporaryFolder()
    const env = {
      GODWIT_DATABASE_URL: await postgres.createDatabase(),
      GODWIT_MASTER_KEY: Buffer.alloc(32, 1).toString('base64'),
      // Both see the same firmware, as with the volume of the compose file.
      GODWIT_BLOBS: `file:${join(folder.path, 'blobs')}`,
    }
    const own = join(folder.path, 'own')
    const command = [join(ROOT, 'bin/godwit.cjs'), 'migrate', '--data', own]
    const migrated = spawnSync(process.execPath, command, { env: { ...process.env, ...env }, encoding: 'utf8' })
    expect(migrated.status, migrated.stderr).toBe(0)
    const { core, storage } = await openCore(loadConfig({ cwd: folder.path, env, flags: { data: own } }))
    const fleet = await nativeFleet(core, DEVICES)
    devices = fleet.devices
    const release = { product: 'panel', version: '1.1.0' }
    await core.rollouts.create(fleet.scope, { key: 'all', release, health: { mode: 'off', allowance: 'unlimited' } })
    await core.rolloutControl.start(fleet.scope, 'all')
    await storage.close()
    for (const name of ['a', 'b']) servers.push(await spawnServer({ data: join(folder.path, name), env }))
    proxy = await startNginx(nginx.path, join(folder.path, 'nginx'), siteFor(servers))
  })
  afterAll(async () => {
    await proxy?.stop()
    await Promise.all(servers.map((server) => server.stop()))
    await folder?.remove()
  })

  it('closes the connection after an answer to an IoTaaP device, and keeps others', async () => {
    expect(await connectionOf('/v1/ota/0123456789abcdef01234567/abcdefghijkl/latest')).toBe('close')
    expect(await connectionOf('/healthz')).toBe('keep-alive')
  })

  it('updates devices through both, and goes on when one is killed', async () => {
    const clients = devices.map(({ token }) => new NativeClient(proxy.url, token, '1.0.0'))
    const [first = [], second = []] = [clients.slice(0, DEVICES / 2), clients.slice(DEVICES / 2)]
    expect(await Promise.all(first.map((client) => client.updateTo()))).toEqual(first.map(() => '1.1.0'))
    await servers[0]?.kill9()
    servers = servers.slice(1)
    expect(await Promise.all(second.map((client) => client.updateTo()))).toEqual(second.map(() => '1.1.0'))
    expect(await Promise.all(clients.map((client) => client.check()))).toEqual(clients.map(() => undefined))
  })

  function connectionOf(path: string): Promise<string | undefined> {
    return new Promise((resolve, reject) => {
      get(`${proxy.url}${path}`, (reply) => {
        reply.resume()
        resolve(reply.headers.connection)
      }).on('error', reject)
    })
  }
})

/** The site of the compose file, with the addresses of these servers. */
function siteFor(servers: readonly SpawnedServer[]): string {
  const site = readFileSync(join(ROOT, 'examples/deploy/docker/nginx.conf'), 'utf8')
  return servers
    .reduce((text, { url }, index) => text.replace(`godwit-${index + 1}:8080`, new URL(url).host), site)
    .replace('listen 80;', 'listen LISTEN;')
}
