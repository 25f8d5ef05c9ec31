import type { AccessKey } from '../../../core/access/access-key.ts'
import type { AccessKeyStore } from '../../../core/access/access-store.ts'
import type { Id, New, Patch, Serial, Slice } from '../../../core/common.ts'
import { EntityTable } from '../entity-table.ts'
import type { Row } from '../schema.ts'
import type { Session } from '../session.ts'
import { sliced } from '../slice.ts'
import { statement } from '../statement.ts'
import { fromJson, toJson } from '../values.ts'

const TABLE = new EntityTable<'access_keys', AccessKey>({
  table: 'access_keys',
  uniques: [{ field: 'key', columns: ['key'] }],
  toColumns: ({ organisation, key, name, sealedSecret, grants, disabled, proofHash }) => ({
    organisation,
    key,
    name,
    sealed_secret: sealedSecret,
    grants: toJson(grants),
    disabled,
    proof_hash: proofHash,
  }),
  toEntity: toAccessKey,
})

const FIND_BY_ID = statement((db, organisation: Serial, id: Id) =>
  db.selectFrom('access_keys').selectAll().where('id', '=', id).where('organisation', '=', organisation),
)
const FIND_BY_KEY = statement((db, key: string) => db.selectFrom('access_keys').selectAll().where('key', '=', key))
const DELETE = statement((db, serial: Serial) =>
  db.deleteFrom('access_keys').where('serial', '=', serial).returning('organisation'),
)

export class SqlAccessKeyStore implements AccessKeyStore {
  readonly #session: Session

  constructor(session: Session) {
    this.#session = session
  }

  async insert(row: New<AccessKey>): Promise<AccessKey> {
    const accessKey = await TABLE.insert(this.#session, row)
    this.#session.changes.fleet(accessKey.organisation)
    return accessKey
  }

  find(serial: Serial): Promise<AccessKey | undefined> {
    return TABLE.find(this.#session, serial)
  }

  findById(organisation: Serial, id: Id): Promise<AccessKey | undefined> {
    return TABLE.one(this.#session, FIND_BY_ID(this.#session, organisation, id))
  }

  findByKey(key: string): Promise<AccessKey | undefined> {
    return TABLE.one(this.#session, FIND_BY_KEY(this.#session, key))
  }

  async update(serial: Serial, patch: Patch<AccessKey>): Promise<AccessKey | undefined> {
    const accessKey = await TABLE.change(this.#session, serial, { patch })
    if (accessKey) this.#session.changes.fleet(accessKey.organisation)
    return accessKey
  }

  /** Its tokens go by cascade. */
  async delete(serial: Serial): Promise<void> {
    const deleted = await this.#session.first(DELETE(this.#session, serial))
    if (deleted) this.#session.changes.fleet(deleted.organisation)
  }

  list(organisation: Serial, slice: Slice): Promise<AccessKey[]> {
    const query = this.#session.compiler.selectFrom('access_keys').selectAll().where('organisation', '=', organisation)
    return TABLE.many(this.#session, sliced(query, 'serial', slice).compile())
  }
}

function toAccessKey(row: Row<'access_keys'>): AccessKey {
  return {
    serial: row.serial,
    id: row.id,
    createdAt: row.created_at,
    revision: row.revision,
    organisation: row.organisation,
    key: row.key,
    name: row.name,
    sealedSecret: row.sealed_secret,
    grants: fromJson(row.grants),
    disabled: Boolean(row.disabled),
    proofHash: row.proof_hash,
  }
}
