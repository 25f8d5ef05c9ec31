import { z } from 'zod'
import type { Labels, Millis } from '../core/common.ts'

/** Schemas that several resources share. Core checks lengths and characters again and has the last word. */

export const keyField = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'must be 1 to 64 of A-Z a-z 0-9 . _ - and begin with a letter or digit')
export const idField = z.string().regex(/^[0-9a-f]{24}$/, 'must be 24 lower-case hex digits')
export const nameField = z.string().min(1).max(200)
export const versionField = z
  .string()
  .regex(/^[\x21-\x7e]{1,64}$/, 'must be 1 to 64 printable ASCII characters without space')
export const sequenceField = z
  .int()
  .min(0)
  .describe("Place in the explicit order of the module's versions, for those that are no SemVer")
export const fromVersionsField = z
  .string()
  .min(1)
  .max(500)
  .describe('From which versions it can be installed: SemVer ranges or exact versions, || between them')
export const referenceField = z.string().min(1).max(64).describe('Key or id')
export const numberField = z
  .int()
  .positive()
  .describe("The number that a vendor's wire shows; given by the server unless set")

export const labelsField = z.record(z.string(), z.string()).describe('Name -> text')
/** RFC 7396: members are merged, null removes one. */
export const labelsPatch = z.record(z.string(), z.string().nullable()).describe('Merged; null removes an entry')
export const aliasesField = z
  .record(z.string(), z.string().min(1).max(128))
  .describe("Vendor's names, by slot: enos/asset-id")

/** A body that may be left out: then none of its members is given, so none may be needed. */
export function optionalBody<Shape extends z.ZodRawShape>(shape: Shape) {
  const given = z.strictObject(shape)
  return given.nullable().transform((body) => body ?? given.parse({}))
}

/** A true or false in a query. */
export const flagQuery = z.enum(['true', 'false']).transform((text) => text === 'true')

export const timeView = z.iso.datetime()
export const referenceView = z
  .strictObject({ id: z.string(), key: z.string() })
  .meta({ id: 'Reference', description: 'Another thing, by id and key' })

/** What every stored thing shows. */
export const entityView = {
  id: z.string(),
  createdAt: timeView,
  revision: z.int().describe('Grows with each change; quoted it is the ETag'),
}

/** ISO 8601 in UTC. */
export function time(at: Millis): string {
  return new Date(at).toISOString()
}

export function timeOrNull(at: Millis | null): string | null {
  return at === null ? null : time(at)
}

export function entity(row: { id: string; createdAt: Millis; revision: number }) {
  return { id: row.id, createdAt: time(row.createdAt), revision: row.revision }
}

/** Applies a merge patch. */
export function mergeLabels(before: Labels, patch: Readonly<Record<string, string | null>>): Labels {
  const merged: Record<string, string> = { ...before }
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name]
    else merged[name] = value
  }
  return merged
}

/** Leaves members out that are undefined, so that `exactOptionalPropertyTypes` holds. */
export function given<T extends object>(members: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
}
