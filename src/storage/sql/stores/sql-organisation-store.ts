import type { Id, New, Patch, Serial, Slice } from '../../../core/common.ts'
import type { Organisation } from '../../../core/organisation/organisation.ts'
import type { OrganisationStore } from '../../../core/organisation/organisation-store.ts'
import { EntityTable } from '../entity-table.ts'
import type { Row } from '../schema.ts'
import type { Session } from '../session.ts'
import { sliced } from '../slice.ts'
import { statement } from '../statement.ts'
import { fromJson, toJson } from '../values.ts'

const TABLE = new EntityTable<'organisations', Organisation>({
  table: 'organisations',
  uniques: [{ field: 'key', columns: ['key'] }],
  toColumns: ({ key, name, defaultProduct, frozen, aliases, settings }) => ({
    key,
    name,
    default_product: defaultProduct,
    frozen,
    aliases: toJson(aliases),
    settings: toJson(settings),
  }),
  toEntity: toOrganisation,
})

const FIND_BY_ID = statement((db, id: Id) => db.selectFrom('organisations').selectAll().where('id', '=', id))
const FIND_BY_KEY = statement((db, key: string) => db.selectFrom('organisations').selectAll().where('key', '=', key))

export class SqlOrganisationStore implements OrganisationStore {
  readonly #session: Session

  constructor(session: Session) {
    this.#session = session
  }

  async insert(row: New<Organisation>): Promise<Organisation> {
    const organisation = await TABLE.insert(this.#session, row)
    this.#session.changes.fleet(organisation.serial)
    return organisation
  }

  find(serial: Serial): Promise<Organisation | undefined> {
    return TABLE.find(this.#session, serial)
  }

  findById(id: Id): Promise<Organisation | undefined> {
    return TABLE.one(this.#session, FIND_BY_ID(this.#session, id))
  }

  findByKey(key: string): Promise<Organisation | undefined> {
    return TABLE.one(this.#session, FIND_BY_KEY(this.#session, key))
  }

  async update(serial: Serial, patch: Patch<Organisation>, ifRevision?: number): Promise<Organisation | undefined> {
    const organisation = await TABLE.change(this.#session, serial, { patch, ifRevision })
    if (organisation) this.#session.changes.fleet(serial)
    return organisation
  }

  list(slice: Slice): Promise<Organisation[]> {
    const query = sliced(this.#session.compiler.selectFrom('organisations').selectAll(), 'serial', slice)
    return TABLE.many(this.#session, query.compile())
  }
}

function toOrganisation(row: Row<'organisations'>): Organisation {
  return {
    serial: row.serial,
    id: row.id,
    createdAt: row.created_at,
    revision: row.revision,
    key: row.key,
    name: row.name,
    defaultProduct: row.default_product,
    frozen: Boolean(row.frozen),
    aliases: fromJson(row.aliases),
    settings: fromJson(row.settings),
  }
}
