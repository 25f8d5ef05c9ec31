import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'vitest'
import { S3_ENVIRONMENT, startS3Server } from '../support/s3-server.ts'
import { spawnServer } from '../support/spawn-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { download, prepare, upload, watchMemory, writeLargeFile } from './large-firmware.ts'

const MIB = 2 ** 20
const MOST_ABOVE_IDLE = 64 * MIB

export interface S3UploadFigures {
  readonly idle: number
  /** Highest resident memory while it went up, bytes above idle. */
  readonly up: number
  /** The same while it came down again. */
  readonly down: number
}

/**
 * Uploads a file of `mib` MiB to a server that keeps its files in S3 (a process of its own), and downloads it. While it
 * goes up, resident memory stays within 64 MiB of what the server has when nothing goes on.
 */
export async function s3Upload(mib: number): Promise<S3UploadFigures> {
  const folder = await temporaryFolder()
  const file = join(folder.path, 'large.bin')
  const sha256 = await writeLargeFile(file, mib)
  const s3 = await startS3Server()
  const env = { ...S3_ENVIRONMENT, GODWIT_BLOBS: s3.location('large') }
  const server = await spawnServer({ data: join(folder.path, 'data'), args: ['--log', 'warn'], env })
  try {
    const headers = await prepare(server)
    await fetch(`${server.url}/readyz`)
    await delay(1000)
    const idle = await highest(server.pid, () => delay(500))
    const url = `${server.url}/api/godwit/v1/firmware?product=panel&version=1.0.0`
    let id = ''
    const up = await highest(server.pid, async () => {
      const uploaded = await upload(url, { file, headers })
      expect(uploaded.file.sha256).toBe(sha256)
      id = uploaded.id
    })
    const down = await highest(server.pid, async () => {
      expect(await download(`${server.url}/api/godwit/v1/firmware/${id}/file`, headers)).toBe(sha256)
    })
    expect((up - idle) / MIB).toBeLessThan(MOST_ABOVE_IDLE / MIB)
    return { idle, up: up - idle, down: down - idle }
  } finally {
    await server.stop()
    await s3.stop()
    await folder.remove()
  }
}

async function highest(pid: number, work: () => Promise<unknown>): Promise<number> {
  const memory = watchMemory(pid)
  try {
    await work()
    // A look comes every 50 ms.
    await delay(100)
    return memory.highest()
  } finally {
    memory.stop()
  }
}
