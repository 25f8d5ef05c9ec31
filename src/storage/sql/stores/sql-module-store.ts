import type { New, Patch, Serial } from '../../../core/common.ts'
import type { Module } from '../../../core/product/product.ts'
import type { ModuleStore } from '../../../core/product/product-store.ts'
import { EntityTable } from '../entity-table.ts'
import type { Row } from '../schema.ts'
import type { Session } from '../session.ts'
import { statement } from '../statement.ts'

const TABLE = new EntityTable<'modules', Module>({
  table: 'modules',
  uniques: [{ field: 'key', columns: ['product', 'key'] }],
  toColumns: ({ organisation, product, key, name, isPrimary }) => ({
    organisation,
    product,
    key,
    name,
    is_primary: isPrimary,
  }),
  toEntity: toModule,
})

const FIND_BY_KEY = statement((db, product: Serial, key: string) =>
  db.selectFrom('modules').selectAll().where('product', '=', product).where('key', '=', key),
)
const DELETE = statement((db, serial: Serial) =>
  db.deleteFrom('modules').where('serial', '=', serial).returning('organisation'),
)
const LIST_BY_PRODUCT = statement((db, product: Serial) =>
  db.selectFrom('modules').selectAll().where('product', '=', product).orderBy('is_primary', 'desc').orderBy('serial'),
)

export class SqlModuleStore implements ModuleStore {
  readonly #session: Session

  constructor(session: Session) {
    this.#session = session
  }

  async insert(row: New<Module>): Promise<Module> {
    const module = await TABLE.insert(this.#session, row)
    this.#session.changes.fleet(module.organisation)
    return module
  }

  find(serial: Serial): Promise<Module | undefined> {
    return TABLE.find(this.#session, serial)
  }

  findByKey(product: Serial, key: string): Promise<Module | undefined> {
    return TABLE.one(this.#session, FIND_BY_KEY(this.#session, product, key))
  }

  async update(serial: Serial, patch: Patch<Module>, ifRevision?: number): Promise<Module | undefined> {
    const module = await TABLE.change(this.#session, serial, { patch, ifRevision })
    if (module) this.#session.changes.fleet(module.organisation)
    return module
  }

  async delete(serial: Serial): Promise<void> {
    const deleted = await this.#session.savepoint(() => this.#session.first(DELETE(this.#session, serial)))
    if (deleted) this.#session.changes.fleet(deleted.organisation)
  }

  listByProduct(product: Serial): Promise<Module[]> {
    return TABLE.many(this.#session, LIST_BY_PRODUCT(this.#session, product))
  }
}

function toModule(row: Row<'modules'>): Module {
  return {
    serial: row.serial,
    id: row.id,
    createdAt: row.created_at,
    revision: row.revision,
    organisation: row.organisation,
    product: row.product,
    key: row.key,
    name: row.name,
    isPrimary: Boolean(row.is_primary),
  }
}
