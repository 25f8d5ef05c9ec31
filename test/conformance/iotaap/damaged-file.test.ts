import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Storage } from '../../../src/core/ports.ts'
import { FilesystemBlobs } from '../../../src/storage/blob/filesystem-blobs.ts'
import { STORAGES } from '../../support/storages.ts'
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.ts'
import { downloadPath, type Iotaap, imageOf, json, sha256, startIotaap, untilClosed, type Wire } from './fixture.ts'

describe.each(STORAGES)('IoTaaP downloads of damaged files over $name', ({ open }) => {
  let folder: TemporaryFolder
  let storage: Storage
  let iotaap: Iotaap
  let device: Wire
  let group: Wire
  let file: string
  const image = imageOf('1.2.7', 'damaged', 200_000)

  beforeEach(async () => {
    folder = await temporaryFolder()
    storage = await open()
    iotaap = await startIotaap({ storage, blobs: await FilesystemBlobs.open(folder.path) })
    device = await iotaap.tenant.device()
    group = await iotaap.tenant.group()
    await iotaap.tenant.deploy('device', { to: device, version: '1.2.7', image })
    await iotaap.tenant.deploy('group', { to: group, version: '1.2.7', image })
    const files = await readdir(folder.path, { recursive: true })
    file = join(folder.path, files.find((path) => path.endsWith(sha256(image))) ?? '')
  })
  afterEach(async () => {
    await iotaap.close()
    await folder.remove()
  })

  const expectFailure = async (on: Iotaap) => {
    for (const path of [downloadPath(device), downloadPath(group, 'group')]) {
      const answer = await untilClosed(on.port, [`GET ${path} HTTP/1.0`, 'Host: ota'])
      expect(answer.status).toBe(500)
      expect(answer.headers.get('connection')).toBe('close')
      expect(json(answer)).toEqual({ message: 'Internal server error', error: expect.stringMatching(/^firmware file/) })
      expect(answer.headers.has('x-md5')).toBe(false)
    }
  }

  test('row 38: a stored file that is shorter than its record is 500 before any byte', async () => {
    await truncate(file, 1_000)
    await expectFailure(iotaap)
  })

  test('row 38: a stored file that is gone is 500', async () => {
    await rm(file)
    await expectFailure(iotaap)
  })

  test('row 38: after a restart a wrong hash is 500 before any byte', async () => {
    const bytes = await readFile(file)
    bytes[100_000] = (bytes[100_000] ?? 0) ^ 1
    await rm(file)
    await writeFile(file, bytes)
    const restarted = await startIotaap({
      storage: { ...storageOf(storage), close: async () => undefined },
      blobs: await FilesystemBlobs.open(folder.path),
      tenantKey: 'restarted',
    })
    try {
      await expectFailure(restarted)
    } finally {
      await restarted.close()
    }
  })
})

/** The same storage for a second server. */
function storageOf(storage: Storage): Storage {
  return {
    transaction: (work) => storage.transaction(work),
    read: storage.read,
    management: storage.management,
    invalidation: storage.invalidation,
    onChange: (listener) => storage.onChange(listener),
    check: () => storage.check(),
    close: () => storage.close(),
  }
}
