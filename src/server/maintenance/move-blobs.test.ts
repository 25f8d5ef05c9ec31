import { randomUUID } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { configFor, type Planted, plant, withCore } from '../../../test/support/installation.ts'
import { sharedPostgres } from '../../../test/support/postgres.ts'
import { type S3TestServer, startS3Server } from '../../../test/support/s3-server.ts'
import { temporaryFolder } from '../../../test/support/temporary-folder.ts'
import type { Core } from '../../core/create-core.ts'
import { collectBlobs } from '../../core/housekeeping.ts'
import { blobPlace } from '../../storage/blob/blob-path.ts'
import type { Config } from '../config/settings.ts'
import { migrateConfigured } from './migrate-database.ts'
import { type MoveOptions, moveBlobs } from './move-blobs.ts'

const postgres = await sharedPostgres()
const folder = await temporaryFolder()
let s3: S3TestServer
beforeAll(async () => {
  s3 = await startS3Server()
})
afterAll(async () => {
  await s3.stop()
  await folder.remove()
})

const SIZE = 700_000
const to = (kind: MoveOptions['to'], more: Partial<MoveOptions> = {}): MoveOptions => ({
  to: kind,
  now: Date.now,
  ...more,
})

interface Stage {
  readonly planted: Planted
  /** As the installation was, with files in its data directory. */
  readonly before: Config
  /** Files go to S3, and are read from both. */
  readonly both: Config
  /** S3 alone. */
  readonly after: Config
  readonly keys: () => Promise<string[]>
}

async function stage(database: Record<string, string> = {}): Promise<Stage> {
  const data = join(folder.path, randomUUID())
  const prefix = randomUUID()
  const env = { ...database, GODWIT_S3_ACCESS_KEY_ID: 'S3RVER', GODWIT_S3_SECRET_ACCESS_KEY: 'S3RVER' }
  const before = configFor(data, database)
  const planted = await plant(before, SIZE)
  return {
    planted,
    before,
    both: configFor(data, { ...env, GODWIT_BLOBS: s3.location(prefix), GODWIT_BLOBS_FALLBACK: 'file:' }),
    after: configFor(data, { ...env, GODWIT_BLOBS: s3.location(prefix) }),
    keys: async () => [...(await s3.objects()).keys()].filter((key) => key.startsWith(prefix)),
  }
}

const fileOf = ({ before, planted }: Stage) => blobPlace(join(before.data, 'blobs'), planted.sha256).file

async function expectReadable(config: Config, { sha256, bytes }: Planted): Promise<void> {
  await withCore(config, async (core) => expect((await readAll(core, sha256, bytes.length)).equals(bytes)).toBe(true))
}

describe.each([
  ['SQLite', async () => ({})],
  ...(postgres.kind === 'none' ? [] : [['PostgreSQL', postgresDatabase] as const]),
] as const)('moving files on %s', (_name, database) => {
  it('copies to S3, says so, and does nothing the second time', async () => {
    const world = await stage(await database())
    const { both, planted } = world
    const steps: number[] = []
    const observed = { onStart: (total: number) => steps.push(-total), onBytes: (bytes: number) => steps.push(bytes) }
    const counts = { from: 'filesystem', to: 's3', files: 1, bytes: SIZE, removed: 0, removedBytes: 0, left: [] }
    expect(await moveBlobs(both, to('s3', { dryRun: true }))).toEqual({
      ...counts,
      moved: 1,
      movedBytes: SIZE,
      present: 0,
    })
    expect(await world.keys()).toEqual([])
    expect(await moveBlobs(both, to('s3', observed))).toEqual({ ...counts, moved: 1, movedBytes: SIZE, present: 0 })
    expect(steps).toEqual([-SIZE, SIZE])
    expect(await moveBlobs(both, to('s3'))).toEqual({ ...counts, moved: 0, movedBytes: 0, present: 1 })
    await expectReadable(world.before, planted)
    await expectReadable(world.after, planted)
  })

  it('takes from the old store only when told to, and back again', async () => {
    const world = await stage(await database())
    expect(await moveBlobs(world.both, to('s3', { remove: true }))).toMatchObject({ moved: 1, removed: 1, left: [] })
    await expect(expectReadable(world.before, world.planted)).rejects.toMatchObject({ code: 'blob-missing' })
    await expectReadable(world.both, world.planted)
    const back = { ...world.both, blobs: 'file:', blobsFallback: world.both.blobs }
    expect(await moveBlobs(back, to('filesystem', { remove: true }))).toMatchObject({ moved: 1, removed: 1 })
    expect(await world.keys()).toEqual([])
    await expectReadable(world.before, world.planted)
  })

  it('leaves nothing in the new store that the collection would not find, when a server deletes meanwhile', async () => {
    const world = await stage(await database())
    const orphan = await withCore(world.before, (core) => upload(core, Buffer.from('nobody refers to this')))
    await withCore(world.both, async (core) => {
      let collected: Promise<number> | undefined
      // The server's collection deletes record and file at the moment in which the move knows of both.
      const onStart = () => {
        collected = collectBlobs(core.deps, Date.now() + 60_000)
      }
      await moveBlobs(world.both, to('s3', { onStart }))
      expect(await collected).toBe(1)
      const isLeft = await core.deps.blobs.exists(orphan)
      if (isLeft) expect(await core.deps.storage.read.blobRecords.isKnown(orphan)).toBe(true)
      await collectBlobs(core.deps, Date.now() + 60_000)
      expect(await core.deps.blobs.exists(orphan)).toBe(false)
      expect((await readAll(core, world.planted.sha256, SIZE)).equals(world.planted.bytes)).toBe(true)
    })
  })
})

describe('moving files', () => {
  it('names what is in neither store whole, moves the rest, and takes nothing of it away', async () => {
    const world = await stage()
    const other = await withCore(world.before, (core) => upload(core, Buffer.from('sound')))
    writeFileSync(fileOf(world), Buffer.alloc(SIZE))
    const { sha256 } = world.planted
    const result = await moveBlobs(world.both, to('s3', { remove: true }))
    expect(result).toMatchObject({ files: 2, moved: 1, removed: 1, left: [{ sha256, because: 'damaged' }] })
    expect((await world.keys()).map((key) => key.slice(-64))).toEqual([other])
    rmSync(fileOf(world))
    expect((await moveBlobs(world.both, to('s3'))).left).toEqual([{ sha256, because: 'missing' }])
  })

  it('writes a damaged copy anew before it takes the good one away', async () => {
    const world = await stage()
    await moveBlobs(world.both, to('s3'))
    const back = { ...world.both, blobs: 'file:', blobsFallback: world.both.blobs }
    writeFileSync(fileOf(world), Buffer.alloc(SIZE))
    expect(await moveBlobs(back, to('filesystem', { remove: true }))).toMatchObject({ moved: 1, removed: 1, left: [] })
    await expectReadable(world.before, world.planted)
  })

  it.each([
    ['one store', (both: Config) => ({ ...both, blobsFallback: undefined }), {}, /one store alone/],
    ['two of a kind', (both: Config) => ({ ...both, blobs: 'file:/elsewhere' }), {}, /of one kind/],
    [
      'taking away from where new files go',
      (both: Config) => ({ ...both, blobs: 'file:', blobsFallback: both.blobs }),
      { remove: true },
      /nothing is removed/,
    ],
  ])('refuses %s, and says what to set', async (_what, change, more, said) => {
    const { both } = await stage()
    await expect(moveBlobs(change(both), to('s3', more))).rejects.toThrow(said)
    await expect(moveBlobs(change(both), to('s3', more))).rejects.toMatchObject({ code: 'invalid' })
  })

  it('is not begun where the new store does not answer', async () => {
    const { both } = await stage()
    const broken = { ...both, blobs: 's3://firmware/x?endpoint=http://127.0.0.1:9', s3: { attempts: 1 } }
    await expect(moveBlobs(broken, to('s3'))).rejects.toMatchObject({ code: 'storage-failed' })
  })
})

async function postgresDatabase(): Promise<Record<string, string>> {
  if (postgres.kind === 'none') return {}
  const env = {
    GODWIT_DATABASE_URL: await postgres.createDatabase(),
    GODWIT_MASTER_KEY: Buffer.alloc(32, 1).toString('base64'),
  }
  await migrateConfigured(configFor(folder.path, env))
  return env
}

async function upload(core: Core, bytes: Buffer): Promise<string> {
  const staged = await core.deps.blobs.stage(once(bytes), { maxBytes: bytes.length })
  await core.deps.storage.transaction((stores) =>
    stores.blobRecords.touch(staged.digests.sha256, bytes.length, Date.now()),
  )
  await staged.commit()
  return staged.digests.sha256
}

async function readAll(core: Core, sha256: string, size: number): Promise<Buffer> {
  const blob = await core.deps.blobs.open(sha256, size)
  const buffer = Buffer.alloc(size)
  for (let at = 0; at < size; ) {
    const read = await blob.read(buffer.subarray(at), at)
    if (read === 0) break
    at += read
  }
  await blob.close()
  return buffer
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
