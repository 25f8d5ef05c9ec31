import type { Account } from '../../core/account/account.ts'
import type { BlobDigests } from '../../core/blobs.ts'
import type { Serial } from '../../core/common.ts'
import type { Services } from '../../core/create-core.ts'
import { isOtaError } from '../../core/errors.ts'
import type { Stores } from '../../core/ports.ts'
import type { DeviceChange } from '../../core/rollout/preview/preview-starts.ts'
import type { Starts } from '../../core/rollout/preview/starts.ts'
import type { Scope, ServiceDeps } from '../../core/service.ts'
import { fleetError, type ParsedFleet } from './parse-fleet-file.ts'

/** One difference between the file and the server. */
export interface FleetChange {
  readonly action: 'create' | 'change' | 'delete'
  readonly kind: string
  /** Organisation key, then the thing's own: `acme/panel/display-app`. */
  readonly what: string
  /** For changes: the members that differ. */
  readonly fields?: readonly string[]
}

/** A secret that was made because the file gave none; shown once. */
export interface FleetSecret {
  readonly device: string
  readonly scheme: string
  readonly token: string
}

export interface FleetResult {
  readonly changes: readonly FleetChange[]
  readonly secrets: readonly FleetSecret[]
  readonly warnings: readonly string[]
  /** Updates of rollouts that ran before, which the changes of devices start. */
  readonly starts: Starts
  readonly organisations: readonly Serial[]
}

/** One application of a fleet file to one organisation, inside one transaction. */
export interface FleetRun {
  readonly stores: Stores
  readonly services: Services
  readonly deps: ServiceDeps
  readonly scope: Scope
  /** Key of the organisation, for words. */
  readonly name: string
  /** Digests of the uploaded file that the text calls `path`. */
  fileOf(path: string): BlobDigests | undefined
  /** Throws `forbidden` when this account, which exists, may not be made a member. */
  authoriseMember(stores: Stores, account: Account): Promise<void>
  readonly changes: FleetChange[]
  readonly secrets: FleetSecret[]
  readonly warnings: string[]
  /** Devices that were there before, as far as rollouts see them. */
  readonly deviceChanges: DeviceChange[]
}

/** Runs `work` for the entry at `path` of the file; what is refused names the entry's line. */
export async function atLine<T>(
  parsed: Pick<ParsedFleet, 'lineOf'>,
  path: ReadonlyArray<string | number>,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!isOtaError(error) || error.details['line'] !== undefined || /^storage-/.test(error.code)) throw error
    const { field } = error.details
    const member = typeof field === 'string' ? partsOf(field) : []
    throw fleetError(parsed.lineOf([...path, ...member]), `${path.join('.')}: ${error.message}`, error)
  }
}

/** `stages[1].percent` as steps of a path. */
function partsOf(field: string): Array<string | number> {
  return field
    .split(/[.[\]]+/)
    .filter((part) => part !== '')
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part))
}

/** The members of `wanted` that differ from `actual`; members that are undefined in `wanted` are not looked at. */
export function differing<T extends object>(actual: T, wanted: Partial<T>): Partial<T> {
  return Object.fromEntries(
    Object.entries(wanted).filter(
      ([name, value]) => value !== undefined && canonical(value) !== canonical(actual[name as keyof T]),
    ),
  ) as Partial<T>
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_name, inner) =>
    inner && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}
