import { sql } from 'kysely'
import type { Id, New, Serial, Slice } from '../../../core/common.ts'
import type { Release } from '../../../core/release/release.ts'
import type { ReleaseStore } from '../../../core/release/release-store.ts'
import { EntityTable } from '../entity-table.ts'
import type { Row } from '../schema.ts'
import type { Session } from '../session.ts'
import { sliced } from '../slice.ts'
import { statement } from '../statement.ts'
import { fromJson, toJson } from '../values.ts'

const NAMED = { is_silent: false }

const TABLE = new EntityTable<'releases', Release>({
  table: 'releases',
  uniques: [
    { field: 'version', columns: ['organisation', 'version'], orNull: ['product'], among: NAMED },
    { field: 'firmware', columns: ['silent_firmware'] },
  ],
  toColumns: ({ organisation, product, version, isSilent, firmware }) => ({
    organisation,
    product,
    version,
    is_silent: isSilent,
    firmware: toJson(firmware),
    silent_firmware: isSilent ? (firmware?.[0] ?? null) : null,
  }),
  toEntity: toRelease,
})

const FIND_BY_ID = statement((db, organisation: Serial, id: Id) =>
  db.selectFrom('releases').selectAll().where('id', '=', id).where('organisation', '=', organisation),
)
const FIND_BY_VERSION = statement((db, organisation: Serial, product: Serial, version: string) =>
  db
    .selectFrom('releases')
    .selectAll()
    .where('organisation', '=', organisation)
    .where((is) => is(is.fn.coalesce('product', sql.lit(0)), '=', product))
    .where('version', '=', version)
    .where('is_silent', '=', sql.lit(false)),
)
const FIND_SILENT = statement((db, firmware: Serial) =>
  db.selectFrom('releases').selectAll().where('silent_firmware', '=', firmware),
)
const DELETE = statement((db, serial: Serial) =>
  db.deleteFrom('releases').where('serial', '=', serial).returning('organisation'),
)
const ADD_FIRMWARE = statement((db, release: Serial, firmware: Serial) =>
  db
    .insertInto('release_firmware')
    .values({ release, firmware })
    .onConflict((on) => on.doNothing()),
)

export class SqlReleaseStore implements ReleaseStore {
  readonly #session: Session

  constructor(session: Session) {
    this.#session = session
  }

  async insert(row: New<Release>): Promise<Release> {
    const release = await TABLE.insert(this.#session, row)
    for (const firmware of release.firmware)
      await this.#session.run(ADD_FIRMWARE(this.#session, release.serial, firmware))
    this.#session.changes.fleet(release.organisation)
    return release
  }

  find(serial: Serial): Promise<Release | undefined> {
    return TABLE.find(this.#session, serial)
  }

  findById(organisation: Serial, id: Id): Promise<Release | undefined> {
    return TABLE.one(this.#session, FIND_BY_ID(this.#session, organisation, id))
  }

  findByVersion(organisation: Serial, product: Serial, version: string): Promise<Release | undefined> {
    return TABLE.one(this.#session, FIND_BY_VERSION(this.#session, organisation, product, version))
  }

  findSilent(firmware: Serial): Promise<Release | undefined> {
    return TABLE.one(this.#session, FIND_SILENT(this.#session, firmware))
  }

  async delete(serial: Serial): Promise<void> {
    const deleted = await this.#session.savepoint(() => this.#session.first(DELETE(this.#session, serial)))
    if (deleted) this.#session.changes.fleet(deleted.organisation)
  }

  list({ organisation, product }: { organisation: Serial; product?: Serial }, slice: Slice): Promise<Release[]> {
    let query = this.#session.compiler
      .selectFrom('releases')
      .selectAll()
      .where('organisation', '=', organisation)
      .where('is_silent', '=', sql.lit(false))
    if (product !== undefined) query = query.where('product', '=', product)
    return TABLE.many(this.#session, sliced(query, 'serial', slice).compile())
  }
}

function toRelease(row: Row<'releases'>): Release {
  return {
    serial: row.serial,
    id: row.id,
    createdAt: row.created_at,
    revision: row.revision,
    organisation: row.organisation,
    product: row.product,
    version: row.version,
    isSilent: Boolean(row.is_silent),
    firmware: fromJson(row.firmware),
  }
}
