import type { Migration } from 'kysely/migration'
import type { SqlDialect } from '../dialects/dialect.ts'

/** Finds devices by a part of their key or name without reading all of them. Immutable. */
export function deviceSearch({ createDeviceSearch }: SqlDialect): Migration {
  return { up: createDeviceSearch }
}
