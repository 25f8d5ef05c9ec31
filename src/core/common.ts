/** Integer primary key of a row: positive, below 2^53, never reused. Shown only where a vendor's wire wants numbers. */
export type Serial = number

/** 24 lower-case hex digits: 4 bytes of creation time in seconds, 8 random bytes. What API, CLI and console show. */
export type Id = string

/** Milliseconds since the Unix epoch. */
export type Millis = number

/**
 * Names burnt into a vendor's devices or programs, by slot (`enos/org-id`, ...). A slot's owner is the protocol that
 * defines it; core only keeps them unique within their scope. Absent means "use the key".
 */
export type Aliases = Readonly<Record<string, string>>

/** Text given by operators (tags) or reported by devices (attributes). */
export type Labels = Readonly<Record<string, string>>

/** What every stored thing carries. `revision` starts at 1 and grows with each change; it is the API's ETag. */
export interface Entity {
  readonly serial: Serial
  readonly id: Id
  readonly createdAt: Millis
  readonly revision: number
}

/** A new row before the store has numbered it. `serial` may be given (migration from a vendor) and must then be free. */
export type New<T extends Entity> = Omit<T, 'serial' | 'revision'> & { readonly serial?: Serial }

/** What may change in a row. `undefined` is never a value: absent members stay as they are. */
export type Patch<T extends Entity> = Partial<Omit<T, 'serial' | 'id' | 'createdAt' | 'revision'>>

/** A bounded slice of a list ordered by serial. */
export interface Slice {
  /** Largest number of rows returned; at least 1. */
  readonly limit: number
  /** Keyset cursor: only rows beyond this serial in the given order. */
  readonly after?: Serial
  /** Rows to skip; for protocols that page by offset. */
  readonly offset?: number
  readonly order?: 'asc' | 'desc'
}

/** A bounded slice of a list ordered by a time, then by id. */
export interface TimeSlice {
  /** Largest number of rows returned; at least 1. */
  readonly limit: number
  readonly order?: 'asc' | 'desc'
  /** Keyset cursor: only rows beyond this one in the given order. */
  readonly after?: { readonly at: Millis; readonly id: Id }
  /** Rows to skip. */
  readonly offset?: number
}

const KEY = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/
const ID = /^[0-9a-f]{24}$/

/** Keys are chosen by people; case is kept. */
export function isKey(value: string): boolean {
  return KEY.test(value)
}

export function isId(value: string): value is Id {
  return ID.test(value)
}
