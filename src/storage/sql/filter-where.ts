import { type RawBuilder, sql } from 'kysely'
import { type Filter, type FilterCondition, fieldParts } from '../../core/filter/filter.ts'
import type { SqlDialect } from './dialects/dialect.ts'

type Truth = RawBuilder<boolean>

/**
 * Whether a row of `devices` is what a filter means. Never null, since `not` turns it round. Every value and name is
 * bound.
 */
export function filterWhere(filter: Filter, dialect: SqlDialect): Truth {
  const parts = (of: readonly Filter[]) => of.map((one) => filterWhere(one, dialect))
  switch (filter.kind) {
    case 'all':
      return filter.of.length === 0 ? sql`(1 = 1)` : sql`(${sql.join(parts(filter.of), sql` and `)})`
    case 'any':
      return filter.of.length === 0 ? sql`(1 = 0)` : sql`(${sql.join(parts(filter.of), sql` or `)})`
    case 'not':
      return sql`(not ${filterWhere(filter.of, dialect)})`
    case 'one-of':
    case 'contains':
    case 'exists':
      return conditionWhere(filter, dialect)
  }
}

function conditionWhere(condition: FilterCondition, dialect: SqlDialect): Truth {
  const field = fieldParts(condition.field)
  const holds = (value: RawBuilder<string | null>) => asks(condition, value, dialect)
  const column = (name: string) => holds(sql.ref(name))
  switch (field.kind) {
    case 'key':
    case 'id':
    case 'name':
    case 'status':
      return column(`devices.${field.kind}`)
    case 'product':
      return sql`exists (select 1 from products where products.serial = devices.product and ${column('products.key')})`
    case 'group':
      return sql`exists (select 1 from device_groups
        where device_groups.serial = devices.device_group and ${column('device_groups.key')})`
    case 'version':
      return runningWhere(sql`modules.is_primary = ${sql.lit(true)}`, column('running_versions.version'))
    case 'module':
      return runningWhere(sql`modules.key = ${field.name}`, column('running_versions.version'))
    case 'tag':
    case 'attribute':
      return sql`coalesce(${holds(dialect.labelOf(`devices.${field.kind}s`, field.name))}, ${sql.lit(false)})`
  }
}

/** Of the modules of the product that the device has now. */
function runningWhere(module: Truth, version: Truth): Truth {
  return sql`exists (select 1 from running_versions join modules on modules.serial = running_versions.module
    where running_versions.device = devices.serial and modules.product = devices.product
      and ${module} and ${version})`
}

function asks(condition: FilterCondition, value: RawBuilder<string | null>, dialect: SqlDialect): Truth {
  switch (condition.kind) {
    case 'one-of':
      return condition.values.length === 0 ? sql`(1 = 0)` : sql`${value} in (${sql.join(condition.values)})`
    case 'contains':
      return sql`${dialect.holds(value, condition.text)}`
    case 'exists':
      return sql`${value} is not null`
  }
}
