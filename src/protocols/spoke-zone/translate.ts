import type { Millis } from '../../core/common.ts'
import type { Device } from '../../core/device/device.ts'
import type { DeviceFacts } from '../../core/device/device-facts.ts'
import type { OtaFile } from './ota-file.ts'

/** Where the two versions of the API differ. */
export interface Dialect {
  /** Key of the file's id. */
  readonly id: 'id' | 'firmware_id'
  readonly version: 'version' | 'version_number'
  readonly listPath: string
  /** Where the bytes are, relative to the host. */
  filePath(id: string): string
  /** Whether the list has active files alone unless it is told otherwise. */
  readonly listsActiveOnly: boolean
}

/** [spoke-zone 3.A] */
export const V2: Dialect = {
  id: 'id',
  version: 'version',
  listPath: '/api/v2/ota-files',
  filePath: (id) => `/api/v2/ota-files/${id}/file`,
  listsActiveOnly: false,
}

/** [spoke-zone 3.D] Quirk: the oldest clients know no filter and would run into 404s (row 33). */
export const V1: Dialect = {
  id: 'firmware_id',
  version: 'version_number',
  listPath: '/api/v1/deviceUser/read-only/models/firmware',
  filePath: (id) => `/api/v1/deviceUser/read-only/models/firmware/${id}`,
  listsActiveOnly: true,
}

/** One file as a list or the single object shows it. `numericIds`: the vendor's SDK casts the id to a number. */
export function toWireFile(file: OtaFile, dialect: Dialect, numericIds: boolean): Record<string, unknown> {
  const { firmware, artifact, module } = file
  const id = String(firmware.serial)
  return {
    [dialect.id]: numericIds ? firmware.serial : id,
    [dialect.version]: firmware.version,
    module: module.key,
    isActive: file.isActive,
    modelId: file.product,
    moduleId: module.serial,
    fileLocation: dialect.filePath(id),
    createdDate: toDate(firmware.createdAt),
    releaseDate: toDate(firmware.releasedAt),
    releaseNotes: firmware.notes,
    sha256: artifact.sha256,
    size: artifact.size,
    signature: firmware.signature,
  }
}

/** [spoke-zone 3.F] Quirk: the SDK fails on null, so that a device without a product has model 0 and no name (row 41). */
export function toWireDevice(facts: DeviceFacts, device: Device): Record<string, unknown> {
  const { product, modules, running } = facts
  const versions = modules.flatMap((module) => {
    const row = running.find((one) => one.module === module.serial)
    return row ? [[module.key, row.version] as const] : []
  })
  return {
    id: device.serial,
    identifier: device.key,
    serialNumber: device.attributes['serialNumber'] ?? '',
    modelId: product?.serial ?? 0,
    name: product?.name ?? '',
    lastOnline: toDate(device.lastSeenAt),
    lastLatitude: toNumber(device.attributes['lastLatitude']),
    lastLongitude: toNumber(device.attributes['lastLongitude']),
    softwareVersions: Object.fromEntries(versions),
  }
}

/** ISO 8601, UTC. */
function toDate(at: Millis | null): string | null {
  return at === null ? null : new Date(at).toISOString()
}

function toNumber(text: string | undefined): number | null {
  const number = Number(text)
  return text === undefined || text.trim() === '' || !Number.isFinite(number) ? null : number
}

/** The digits of an id in a path; undefined for anything else, which then does not exist. [spoke-zone 4.10] */
export function parseId(text: string): number | undefined {
  const id = /^[1-9][0-9]{0,15}$/.test(text) ? Number(text) : Number.NaN
  return Number.isSafeInteger(id) ? id : undefined
}

/** [spoke-zone 4.12] */
export function fileNameOf({ module, firmware }: OtaFile): string {
  return `${module.key}-${firmware.version}.bin`.replace(/[^A-Za-z0-9._-]/g, '_')
}
