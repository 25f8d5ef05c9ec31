import type { Artifact, Firmware } from '../../../core/firmware/firmware.ts'
import { EntityTable } from '../entity-table.ts'
import type { Row } from '../schema.ts'
import { folded, fromJson, toJson } from '../values.ts'

const LIBRARY = { scope: 'library' }

export const FIRMWARE = new EntityTable<'firmware', Firmware>({
  table: 'firmware',
  uniques: [
    { field: 'version', columns: ['organisation', 'version'], orNull: ['product', 'module'], among: LIBRARY },
    { field: 'name', columns: ['organisation', 'name'], orNull: ['product'], among: LIBRARY },
    { field: 'fileAlias', columns: ['file_alias'] },
  ],
  toColumns: (firmware) => ({
    organisation: firmware.organisation,
    product: firmware.product,
    module: firmware.module,
    version: firmware.version,
    version_folded: folded(firmware.version),
    sequence: firmware.sequence,
    from_versions: firmware.fromVersions,
    scope: firmware.scope,
    sealed: firmware.sealed,
    active: firmware.active,
    withdrawn: firmware.withdrawn,
    name: firmware.name?.default,
    name_folded: folded(firmware.name?.default),
    name_locales: toJson(firmware.name?.locales),
    description: firmware.description,
    notes: firmware.notes,
    notes_folded: folded(firmware.notes),
    tags: toJson(firmware.tags),
    verification: toJson(firmware.verification),
    declared_digest: toJson(firmware.declaredDigest),
    file_alias: firmware.fileAlias,
    warnings: toJson(firmware.warnings),
    released_at: firmware.releasedAt,
    signature: firmware.signature,
  }),
  toEntity: toFirmware,
})

export const ARTIFACTS = new EntityTable<'artifacts', Artifact>({
  table: 'artifacts',
  uniques: [],
  toColumns: ({ organisation, firmware, sha256, sha1, md5, size, name, isPrimary }) => ({
    organisation,
    firmware,
    sha256,
    sha1,
    md5,
    size,
    name,
    is_primary: isPrimary,
  }),
  toEntity: toArtifact,
})

export function toFirmware(row: Row<'firmware'>): Firmware {
  return {
    serial: row.serial,
    id: row.id,
    createdAt: row.created_at,
    revision: row.revision,
    organisation: row.organisation,
    product: row.product,
    module: row.module,
    version: row.version,
    sequence: row.sequence,
    fromVersions: row.from_versions,
    scope: row.scope,
    sealed: Boolean(row.sealed),
    active: Boolean(row.active),
    withdrawn: Boolean(row.withdrawn),
    name: { default: row.name, locales: fromJson(row.name_locales) },
    description: row.description,
    notes: row.notes,
    tags: fromJson(row.tags),
    verification: fromJson(row.verification),
    declaredDigest: fromJson(row.declared_digest),
    fileAlias: row.file_alias,
    warnings: fromJson(row.warnings),
    releasedAt: row.released_at,
    signature: row.signature,
  }
}

export function toArtifact(row: Row<'artifacts'>): Artifact {
  return {
    serial: row.serial,
    id: row.id,
    createdAt: row.created_at,
    revision: row.revision,
    organisation: row.organisation,
    firmware: row.firmware,
    sha256: row.sha256,
    sha1: row.sha1,
    md5: row.md5,
    size: row.size,
    name: row.name,
    isPrimary: Boolean(row.is_primary),
  }
}
