import { type SelectQueryBuilder, sql } from 'kysely'
import type { Id, New, Patch, Serial, Slice } from '../../../core/common.ts'
import type { DeviceGroup } from '../../../core/device/device.ts'
import type { GroupStore } from '../../../core/device/device-store.ts'
import type { Schema } from '../schema.ts'
import { contains } from '../search.ts'
import type { Session } from '../session.ts'
import { sliced } from '../slice.ts'
import { statement } from '../statement.ts'
import { GROUPS } from './device-rows.ts'

type GroupFilter = Parameters<GroupStore['list']>[0]

const FIND_BY_ID = statement((db, organisation: Serial, id: Id) =>
  db.selectFrom('device_groups').selectAll().where('id', '=', id).where('organisation', '=', organisation),
)
const FIND_BY_ID_ON_SERVER = statement((db, id: Id) => db.selectFrom('device_groups').selectAll().where('id', '=', id))
const FIND_BY_KEY = statement((db, organisation: Serial, key: string) =>
  db.selectFrom('device_groups').selectAll().where('organisation', '=', organisation).where('key', '=', key),
)
const DELETE = statement((db, serial: Serial) =>
  db.deleteFrom('device_groups').where('serial', '=', serial).returning('organisation'),
)

export class SqlGroupStore implements GroupStore {
  readonly #session: Session

  constructor(session: Session) {
    this.#session = session
  }

  async insert(row: New<DeviceGroup>): Promise<DeviceGroup> {
    const group = await GROUPS.insert(this.#session, row)
    this.#session.changes.fleet(group.organisation)
    return group
  }

  find(serial: Serial): Promise<DeviceGroup | undefined> {
    return GROUPS.find(this.#session, serial)
  }

  findById(organisation: Serial, id: Id): Promise<DeviceGroup | undefined> {
    return GROUPS.one(this.#session, FIND_BY_ID(this.#session, organisation, id))
  }

  findByIdOnServer(id: Id): Promise<DeviceGroup | undefined> {
    return GROUPS.one(this.#session, FIND_BY_ID_ON_SERVER(this.#session, id))
  }

  findByKey(organisation: Serial, key: string): Promise<DeviceGroup | undefined> {
    return GROUPS.one(this.#session, FIND_BY_KEY(this.#session, organisation, key))
  }

  async update(serial: Serial, patch: Patch<DeviceGroup>, ifRevision?: number): Promise<DeviceGroup | undefined> {
    const group = await GROUPS.change(this.#session, serial, { patch, ifRevision })
    if (group) this.#session.changes.fleet(group.organisation)
    return group
  }

  /** Credentials and assignment go by cascade. */
  async delete(serial: Serial): Promise<void> {
    const deleted = await this.#session.savepoint(() => this.#session.first(DELETE(this.#session, serial)))
    if (deleted) this.#session.changes.fleet(deleted.organisation)
  }

  list(filter: GroupFilter, slice: Slice): Promise<DeviceGroup[]> {
    const query = filtered(this.#session.compiler.selectFrom('device_groups'), filter).selectAll()
    return GROUPS.many(this.#session, sliced(query, 'serial', slice).compile())
  }

  async count(filter: GroupFilter): Promise<number> {
    const query = filtered(this.#session.compiler.selectFrom('device_groups'), filter)
    const counted = await this.#session.first(query.select(sql<number>`count(*)`.as('count')).compile())
    return counted?.count ?? 0
  }
}

function filtered<O>(
  query: SelectQueryBuilder<Schema, 'device_groups', O>,
  { organisation, search }: GroupFilter,
): SelectQueryBuilder<Schema, 'device_groups', O> {
  const found = query.where('organisation', '=', organisation)
  return search === undefined ? found : found.where(contains(['key_folded', 'name_folded'], search))
}
