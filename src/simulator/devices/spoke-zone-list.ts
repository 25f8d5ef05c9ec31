import { compare, valid } from 'semver'

/** One file of a list, in the words that both versions of the protocol share. */
export interface ListedFile {
  /** As it stands in paths. */
  readonly id: string
  readonly version: string
  readonly module: string | undefined
  readonly isActive: boolean
  readonly sha256: string | undefined
  readonly size: number | undefined
}

/** Names of the two fields that differ between the versions of the protocol [vendor page]. */
export interface ListDialect {
  readonly id: 'id' | 'firmware_id'
  readonly version: 'version' | 'version_number'
}

export type ParsedList =
  | { readonly kind: 'list'; readonly files: readonly ListedFile[] }
  | { readonly kind: 'malformed'; readonly reason: string }

/** [spoke-zone 4.9] a bare array, never an envelope; ids are strings of digits or numbers. */
export function parseList(body: Uint8Array, dialect: ListDialect): ParsedList {
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(body).toString('utf8'))
  } catch {
    return { kind: 'malformed', reason: 'not JSON' }
  }
  if (!Array.isArray(value)) return { kind: 'malformed', reason: 'not an array' }
  const files: ListedFile[] = []
  for (const entry of value) {
    const file = fileOf(entry, dialect)
    if (typeof file === 'string') return { kind: 'malformed', reason: file }
    files.push(file)
  }
  return { kind: 'list', files }
}

function fileOf(entry: unknown, dialect: ListDialect): ListedFile | string {
  if (typeof entry !== 'object' || entry === null) return 'an entry is no object'
  const fields = new Map<string, unknown>(Object.entries(entry))
  const id = fields.get(dialect.id)
  const version = fields.get(dialect.version)
  const isActive = fields.get('isActive')
  if (typeof id !== 'string' && typeof id !== 'number') return `${dialect.id} is missing`
  if (!/^[1-9][0-9]{0,15}$/.test(String(id))) return `${dialect.id} is ${JSON.stringify(id)}`
  if (typeof version !== 'string') return `${dialect.version} is missing`
  if (typeof isActive !== 'boolean') return `isActive is ${JSON.stringify(isActive)}`
  const module = fields.get('module')
  const sha256 = fields.get('sha256')
  const size = fields.get('size')
  return {
    id: String(id),
    version,
    isActive,
    module: typeof module === 'string' ? module : undefined,
    sha256: typeof sha256 === 'string' ? sha256 : undefined,
    size: typeof size === 'number' ? size : undefined,
  }
}

/** The highest active SemVer of the module; other version strings cannot be ranked and are left out. */
export function highest(files: readonly ListedFile[], module: string): ListedFile | undefined {
  const ranked = files
    .filter((file) => file.isActive && file.module === module && valid(file.version) !== null)
    .sort((one, other) => compare(other.version, one.version))
  return ranked[0]
}

/** A version that is not SemVer counts as older than any that is. */
export function isNewer(candidate: string, running: string): boolean {
  if (valid(running) === null) return candidate !== running
  return compare(candidate, running) > 0
}
