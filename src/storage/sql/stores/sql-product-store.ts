import type { Id, New, Patch, Serial, Slice } from '../../../core/common.ts'
import type { Product } from '../../../core/product/product.ts'
import type { ProductStore } from '../../../core/product/product-store.ts'
import { EntityTable } from '../entity-table.ts'
import type { Row } from '../schema.ts'
import type { Session } from '../session.ts'
import { sliced } from '../slice.ts'
import { statement } from '../statement.ts'
import { fromJson, toJson } from '../values.ts'

const TABLE = new EntityTable<'products', Product>({
  table: 'products',
  uniques: [{ field: 'key', columns: ['organisation', 'key'] }],
  toColumns: ({ organisation, key, name, distribution, downgrades, aliases }) => ({
    organisation,
    key,
    name,
    distribution,
    downgrades,
    aliases: toJson(aliases),
  }),
  toEntity: toProduct,
})

const FIND_BY_ID = statement((db, organisation: Serial, id: Id) =>
  db.selectFrom('products').selectAll().where('id', '=', id).where('organisation', '=', organisation),
)
const FIND_BY_KEY = statement((db, organisation: Serial, key: string) =>
  db.selectFrom('products').selectAll().where('organisation', '=', organisation).where('key', '=', key),
)
const LIST_BY_KEY = statement((db, key: string, limit: number) =>
  db.selectFrom('products').selectAll().where('key', '=', key).orderBy('serial').limit(limit),
)
const DELETE = statement((db, serial: Serial) =>
  db.deleteFrom('products').where('serial', '=', serial).returning('organisation'),
)
const RELEASE_ALIASES = statement((db, serial: Serial) =>
  db.deleteFrom('aliases').where('kind', '=', 'product').where('owner', '=', serial),
)
const CLEAR_DEFAULT = statement((db, serial: Serial) =>
  db
    .updateTable('organisations')
    .set((is) => ({ default_product: null, revision: is('revision', '+', 1) }))
    .where('default_product', '=', serial),
)

export class SqlProductStore implements ProductStore {
  readonly #session: Session

  constructor(session: Session) {
    this.#session = session
  }

  async insert(row: New<Product>): Promise<Product> {
    const product = await TABLE.insert(this.#session, row)
    this.#session.changes.fleet(product.organisation)
    return product
  }

  find(serial: Serial): Promise<Product | undefined> {
    return TABLE.find(this.#session, serial)
  }

  findById(organisation: Serial, id: Id): Promise<Product | undefined> {
    return TABLE.one(this.#session, FIND_BY_ID(this.#session, organisation, id))
  }

  findByKey(organisation: Serial, key: string): Promise<Product | undefined> {
    return TABLE.one(this.#session, FIND_BY_KEY(this.#session, organisation, key))
  }

  listByKeyOnServer(key: string, limit: number): Promise<Product[]> {
    return TABLE.many(this.#session, LIST_BY_KEY(this.#session, key, limit))
  }

  async update(serial: Serial, patch: Patch<Product>, ifRevision?: number): Promise<Product | undefined> {
    const product = await TABLE.change(this.#session, serial, { patch, ifRevision })
    if (product) this.#session.changes.fleet(product.organisation)
    return product
  }

  /** Modules go by cascade; an organisation that had it as its default product has none then. */
  async delete(serial: Serial): Promise<void> {
    await this.#session.savepoint(async () => {
      const deleted = await this.#session.first(DELETE(this.#session, serial))
      if (deleted === undefined) return
      await this.#session.run(RELEASE_ALIASES(this.#session, serial))
      await this.#session.run(CLEAR_DEFAULT(this.#session, serial))
      this.#session.changes.fleet(deleted.organisation)
    })
  }

  list(organisation: Serial, slice: Slice): Promise<Product[]> {
    const query = this.#session.compiler.selectFrom('products').selectAll().where('organisation', '=', organisation)
    return TABLE.many(this.#session, sliced(query, 'serial', slice).compile())
  }
}

function toProduct(row: Row<'products'>): Product {
  return {
    serial: row.serial,
    id: row.id,
    createdAt: row.created_at,
    revision: row.revision,
    organisation: row.organisation,
    key: row.key,
    name: row.name,
    distribution: row.distribution,
    downgrades: row.downgrades,
    aliases: fromJson(row.aliases),
  }
}
