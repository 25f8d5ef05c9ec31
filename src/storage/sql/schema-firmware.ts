import type { EntityColumns, Flag, Json, Time } from './schema-columns.ts'

export interface FirmwareTable extends EntityColumns {
  organisation: number
  product: number | null
  module: number | null
  version: string
  version_folded: string
  sequence: number | null
  from_versions: string | null
  scope: 'library' | 'private'
  sealed: Flag
  active: Flag
  withdrawn: Flag
  name: string
  name_folded: string
  name_locales: Json
  description: string | null
  notes: string
  notes_folded: string
  tags: Json
  verification: Json
  declared_digest: Json
  file_alias: string
  warnings: Json
  released_at: Time | null
  signature: string | null
}

export interface FloorTable extends EntityColumns {
  organisation: number
  product: number
  module: number
  firmware: number
  reason: string
}

export interface ArtifactTable extends EntityColumns {
  organisation: number
  firmware: number
  sha256: string
  sha1: string
  md5: string
  size: number
  name: string
  is_primary: Flag
}

export interface BlobTable {
  sha256: string
  size: number
  touched_at: Time
}

export interface ReleaseTable extends EntityColumns {
  organisation: number
  product: number | null
  version: string
  is_silent: Flag
  /** Serials in module order; `release_firmware` has the same for the database's own checks. */
  firmware: Json
  /** The one firmware of a silent release. */
  silent_firmware: number | null
}

export interface ReleaseFirmwareTable {
  release: number
  firmware: number
}
