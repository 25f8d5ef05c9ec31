import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newCredential, newDevice, newFirmware, newOrganisation, someHash } from '../../../test/support/rows.ts'
import { type TemporaryFolder, temporaryFolder } from '../../../test/support/temporary-folder.ts'
import type { Storage, Stores } from '../../core/ports.ts'
import { openSqlStorage } from './open-storage.ts'

/** Which name is said to be taken when rows agree in several columns, but collide in one index alone. */
describe('the field of a conflict', () => {
  let folder: TemporaryFolder
  let storage: Storage
  beforeAll(async () => {
    folder = await temporaryFolder()
    storage = await openSqlStorage({ kind: 'sqlite', file: join(folder.path, 'godwit.db'), readWorker: false })
  })
  afterAll(async () => {
    await storage.close()
    await folder.remove()
  })
  const fieldOf = (work: (stores: Stores, organisation: number) => Promise<unknown>) =>
    storage
      .transaction(async (stores) => work(stores, (await stores.organisations.insert(newOrganisation())).serial))
      .then(
        () => 'none',
        (error) => error.details.field,
      )

  it('is not a hash that sealed credentials may share', async () => {
    const field = fieldOf(async ({ devices, credentials }, organisation) => {
      const device = await devices.insert(newDevice(organisation))
      const { id, hash } = await credentials.insert(newCredential(device, { sealed: 'v1.a', hash: someHash() }))
      await credentials.insert(newCredential(device, { sealed: 'v1.b', hash }))
      await credentials.insert(newCredential(device, { sealed: 'v1.c', hash, id }))
    })
    expect(await field).toBe('id')
  })

  it('is not an absent hash', async () => {
    const field = fieldOf(async ({ devices, credentials }, organisation) => {
      const device = await devices.insert(newDevice(organisation))
      const { id } = await credentials.insert(newCredential(device, { hash: null }))
      await credentials.insert(newCredential(device, { hash: null, id }))
    })
    expect(await field).toBe('id')
  })

  it('is not the version of a private firmware', async () => {
    const field = fieldOf(async ({ firmware }, organisation) => {
      const given = { version: '1', name: { default: 'n', locales: {} } }
      const { fileAlias } = await firmware.insert(newFirmware(organisation, given))
      await firmware.insert(newFirmware(organisation, { ...given, scope: 'private', fileAlias }))
    })
    expect(await field).toBe('fileAlias')
  })
})
