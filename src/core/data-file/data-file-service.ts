import type { StagedBlob } from '../blobs.ts'
import type { Id, Serial } from '../common.ts'
import { type DeviceFacts, deviceActor } from '../device/device-facts.ts'
import { invalid, notFound, OtaError } from '../errors.ts'
import { record } from '../event/record.ts'
import { keepBlob } from '../firmware/keep-blob.ts'
import { recordFor, type Scope, type ServiceDeps } from '../service.ts'
import type { DataFile } from './data-file.ts'

export class DataFileService {
  readonly #deps: ServiceDeps

  constructor(deps: ServiceDeps) {
    this.#deps = deps
  }

  /** Announces a file. Throws `limit-reached` at `dataFilesPerDevice`, `invalid` for an unknown module key. */
  async announce(facts: DeviceFacts, input: { type: string; moduleKey?: string }): Promise<DataFile> {
    const { storage, clock, ids, limits } = this.#deps
    const { device } = facts
    const module = facts.modules.find((one) => one.key === input.moduleKey)
    if (input.moduleKey !== undefined && !module) throw invalid('moduleKey', 'is no module of the product')
    return storage.transaction(async (stores) => {
      const { files } = await stores.dataFiles.usage(device.serial)
      if (files >= limits.dataFilesPerDevice)
        throw new OtaError('limit-reached', `The device has ${files} data files, the most allowed.`)
      const now = clock.now()
      return stores.dataFiles.insert({
        id: ids.id(now),
        createdAt: now,
        organisation: device.organisation,
        device: device.serial,
        type: input.type,
        module: module?.serial ?? null,
        sha256: null,
        size: 0,
        uploadedAt: null,
      })
    })
  }

  /** Stores the content, replacing an earlier one. The staged bytes end kept or discarded. */
  async store(facts: DeviceFacts, serial: Serial, staged: StagedBlob): Promise<DataFile> {
    const { storage, clock } = this.#deps
    try {
      const file = await this.ofDevice(facts, serial)
      if (staged.digests.size === 0) throw invalid('files', 'File is empty')
      await keepBlob(this.#deps, staged)
      return await storage.transaction(async (stores) => {
        const { sha256, size } = staged.digests
        const stored = await stores.dataFiles.update(file.serial, { sha256, size, uploadedAt: clock.now() })
        if (!stored) throw notFound('data-file', serial)
        const { organisation } = facts.device
        const subject = { kind: 'data-file', id: file.id }
        const details = { size, type: file.type }
        const actor = deviceActor(facts.device)
        await record(stores, this.#deps, { organisation, type: 'data-file.stored', actor, subject, details })
        return stored
      })
    } finally {
      await staged.discard()
    }
  }

  /** The device's own file; another device's is `not-found`. */
  async ofDevice(facts: DeviceFacts, serial: Serial): Promise<DataFile> {
    const file = await this.#deps.storage.read.dataFiles.find(serial)
    if (file?.device !== facts.device.serial) throw notFound('data-file', serial)
    return file
  }

  async get(organisation: Serial, id: Id): Promise<DataFile> {
    const file = await this.#deps.storage.read.dataFiles.findById(organisation, id)
    if (!file) throw notFound('data-file', id)
    return file
  }

  async delete(scope: Scope, id: Id): Promise<void> {
    await this.#deps.storage.transaction(async (stores) => {
      const file = await stores.dataFiles.findById(scope.organisation, id)
      if (!file) throw notFound('data-file', id)
      await stores.dataFiles.delete(file.serial)
      const details = { size: file.size, type: file.type }
      const subject = { kind: 'data-file', id }
      await recordFor(stores, this.#deps, scope, { type: 'data-file.deleted', subject, details })
    })
  }
}
