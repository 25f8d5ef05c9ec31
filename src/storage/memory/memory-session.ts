import type { Entity, New, Patch, Serial, Slice } from '../../core/common.ts'
import { OtaError } from '../../core/errors.ts'
import type { Change } from '../../core/ports.ts'
import type { Span, Table, Unnumbered } from './memory-table.ts'
import type { Tables } from './memory-tables.ts'

/** What the stores of one reader or writer share. */
export interface MemorySession {
  readonly tables: Tables
  readonly changes: ChangeLog
}

/** What the open transaction changed, each thing once. */
export class ChangeLog {
  readonly #devices = new Set<Serial>()
  readonly #rollouts = new Set<Serial>()
  readonly #fleets = new Set<Serial | null>()
  readonly #accessKeys = new Set<Serial>()

  device(device: Serial): void {
    this.#devices.add(device)
  }

  rollout(rollout: Serial): void {
    this.#rollouts.add(rollout)
  }

  /** Tokens of an access key. */
  accessTokens(accessKey: Serial): void {
    this.#accessKeys.add(accessKey)
  }

  fleet(organisation: Serial | null): void {
    this.#fleets.add(organisation)
  }

  /** Of a row that belongs to a device or to a group of devices. */
  target(row: { readonly device: Serial | null; readonly organisation: Serial }): void {
    if (row.device === null) this.fleet(row.organisation)
    else this.device(row.device)
  }

  /** Empties the log. */
  take(): Change[] {
    const fleets = [...this.#fleets].map((organisation): Change => ({ kind: 'fleet', organisation }))
    const devices = [...this.#devices].map((device): Change => ({ kind: 'device', device }))
    const rollouts = [...this.#rollouts].map((rollout): Change => ({ kind: 'rollout', rollout }))
    this.#fleets.clear()
    this.#devices.clear()
    this.#rollouts.clear()
    const tokens = [...this.#accessKeys].map((accessKey): Change => ({ kind: 'access-token', accessKey }))
    this.#accessKeys.clear()
    return [...fleets, ...devices, ...rollouts, ...tokens]
  }
}

export function insertEntity<T extends Entity, U extends string, G extends string>(
  table: Table<T, U, G>,
  row: New<T>,
): T {
  return table.insert({ ...row, revision: 1 } as unknown as Unnumbered<T>)
}

/** All of them in order, or none. */
export function insertEntities<T extends Entity, U extends string, G extends string>(
  table: Table<T, U, G>,
  rows: readonly New<T>[],
): T[] {
  const inserted: T[] = []
  try {
    for (const row of rows) inserted.push(insertEntity(table, row))
  } catch (error) {
    for (const { serial } of inserted) table.delete(serial)
    throw error
  }
  return inserted
}

/** undefined when there is no such row, or its revision is not `ifRevision`. */
export function changeEntity<T extends Entity, U extends string, G extends string>(
  table: Table<T, U, G>,
  row: T | undefined,
  change: { readonly patch: Patch<T>; readonly ifRevision?: number | undefined },
): T | undefined {
  if (row === undefined || row.revision !== (change.ifRevision ?? row.revision)) return undefined
  return table.replace({ ...patched(row, change.patch), revision: row.revision + 1 })
}

/** A copy with what is given; an undefined member is not. */
export function patched<T extends object>(row: T, patch: object): T {
  const copy = { ...row } as Record<string, unknown>
  for (const [name, value] of Object.entries(patch)) if (value !== undefined) copy[name] = value
  return copy as T
}

/** The part of a slice that a table can seek by. */
export function spanOf<G extends string>(slice: Slice, where?: Span<G>['where']): Span<G> {
  return {
    ...(where !== undefined && { where }),
    ...(slice.after !== undefined && { after: slice.after }),
    order: slice.order ?? 'asc',
  }
}

/** At most `limit` rows that are accepted, after skipping `offset` of them. */
export function take<T>(
  rows: Iterable<T>,
  { limit, offset = 0 }: Pick<Slice, 'limit' | 'offset'>,
  accepts: (row: T) => boolean = () => true,
): T[] {
  const taken: T[] = []
  let skip = offset
  for (const row of rows) {
    if (!accepts(row) || skip-- > 0) continue
    taken.push(row)
    if (taken.length >= limit) break
  }
  return taken
}

export function isAny<T>(rows: Iterable<T>, accepts: (row: T) => boolean = () => true): boolean {
  return take(rows, { limit: 1 }, accepts).length > 0
}

export function count<T>(rows: Iterable<T>, accepts: (row: T) => boolean): number {
  let total = 0
  for (const row of rows) if (accepts(row)) total += 1
  return total
}

/** Deletes up to `limit` rows that are accepted and says how many there were. */
export function deleteWhere<T extends { readonly serial: Serial }, U extends string, G extends string>(
  table: Table<T, U, G>,
  span: Span<G>,
  options: { readonly limit?: number; readonly accepts?: (row: T) => boolean } = {},
): number {
  const rows = take(table.rows(span), { limit: options.limit ?? Number.POSITIVE_INFINITY }, options.accepts)
  for (const row of rows) table.delete(row.serial)
  return rows.length
}

export function containsText(text: string, part: string): boolean {
  return text.toLowerCase().includes(part.toLowerCase())
}

export function inUse(entity: string, by: string): OtaError {
  return new OtaError('in-use', `The ${entity} is in use by a ${by}`, { details: { entity, by } })
}
