import { afterAll, describe, expect, it } from 'vitest'
import { configFor } from '../../../test/support/installation.ts'
import { sharedPostgres } from '../../../test/support/postgres.ts'
import { temporaryFolder } from '../../../test/support/temporary-folder.ts'
import type { SeenNode } from '../../core/node/node-store.ts'
import type { ClusterFacts } from '../../storage/sql/inspect-cluster.ts'
import { openSqlStorage } from '../../storage/sql/open-storage.ts'
import { VERSION } from '../version.ts'
import { examine } from './doctor.ts'
import { connectionsFinding, nodesFinding, skewFinding } from './doctor-cluster.ts'

const folder = await temporaryFolder()
const postgres = await sharedPostgres()
afterAll(() => folder.remove())

const node = (more: Partial<SeenNode> = {}): SeenNode => ({
  id: 'a',
  host: 'n1',
  pid: 7,
  version: '0.2.0',
  schema: '0009-leases',
  connections: 12,
  seenAt: 1,
  ...more,
})
const facts = (more: Partial<ClusterFacts> = {}): ClusterFacts => ({
  skew: { aheadMs: 0, withinMs: 0 },
  nodes: [],
  maxConnections: 97,
  ...more,
})
const config = configFor(folder.path)

describe('the doctor of several servers', () => {
  it.each([
    [0, 0, 'ok', 'agrees'],
    [-900, 0, 'ok', 'agrees'],
    [1_500, 600, 'ok', 'agrees'],
    [2_500, 100, 'warn', '2.4 s ahead of'],
    [-3_600_000, 10, 'fail', '3600.0 s behind'],
  ])('a clock %i ms ahead, within %i ms: %s', (aheadMs, withinMs, verdict, words) => {
    const finding = skewFinding(facts({ skew: { aheadMs, withinMs } }))
    expect(finding).toMatchObject({ verdict, detail: expect.stringContaining(words) })
  })

  it.each([
    [[], 'ok', 'none was seen'],
    [[node(), node({ id: 'b' })], 'ok', '2 of version 0.2.0'],
    [[node(), node({ id: 'b', version: '0.1.0', pid: 8 })], 'warn', 'replace 0.1.0 on n1 (process 8)'],
    [[node({ version: '0.1.0' })], 'warn', 'this command is of version 0.2.0'],
  ])('servers %#: %s', (nodes, verdict, words) => {
    expect(nodesFinding(facts({ nodes }), '0.2.0')).toMatchObject({ verdict, detail: expect.stringContaining(words) })
  })

  it.each([
    [0, 1, 97, 'ok'],
    [7, 1, 97, 'ok'],
    [8, 1, 97, 'warn'],
    [9, 1, 97, 'fail'],
    [0, 7, 97, 'warn'],
    [0, 8, 97, 'fail'],
  ])(
    'connections of %i servers that run, %i workers wanted, %i granted: %s',
    (running, workers, maxConnections, verdict) => {
      const nodes = Array.from({ length: running }, (_, index) => node({ id: String(index) }))
      expect(connectionsFinding(facts({ nodes, maxConnections }), { ...config, workers }).verdict).toBe(verdict)
    },
  )

  it.skipIf(postgres.kind === 'none')('looks at a real database', async () => {
    if (postgres.kind === 'none') return
    const url = await postgres.createDatabase()
    const env = { GODWIT_DATABASE_URL: url, GODWIT_MASTER_KEY: Buffer.alloc(32).toString('base64') }
    const look = async (now = Date.now()) => {
      const found = await examine({ config: () => configFor(folder.path, env), nodeVersion: 'v24.21.0', now })
      const wanted = ['clock skew', 'servers', 'connections']
      return Object.fromEntries(
        found
          .filter(({ check }) => wanted.includes(check))
          .map(({ check, verdict, detail }) => [check, [verdict, detail]]),
      )
    }
    expect(await look()).toMatchObject({ servers: ['ok', 'none was seen within the last minute'] })
    const storage = await openSqlStorage({ kind: 'postgres', url, migrate: true })
    await storage.transaction((stores) => stores.nodes.note({ ...node(), version: VERSION, connections: 100_000 }))
    await storage.close()
    expect(await look()).toEqual({
      'clock skew': ['ok', expect.any(String)],
      servers: ['ok', `1 of version ${VERSION}`],
      connections: ['fail', expect.stringContaining('lower database.poolSize')],
    })
    expect(await look(Date.now() - 3_600_000)).toMatchObject({
      'clock skew': ['fail', expect.stringContaining('behind')],
    })
  })
})
