import { type RawBuilder, type SelectQueryBuilder, sql } from 'kysely'
import type { Id, Millis, New, Patch, Serial, Slice } from '../../../core/common.ts'
import type { Device } from '../../../core/device/device.ts'
import type {
  DeviceFilter,
  DeviceNames,
  DeviceStore,
  DeviceVersions,
  TokenOwner,
} from '../../../core/device/device-store.ts'
import { filterWhere } from '../filter-where.ts'
import type { Schema } from '../schema.ts'
import { contains } from '../search.ts'
import type { Session } from '../session.ts'
import { sliced, slices } from '../slice.ts'
import { statement } from '../statement.ts'
import { unindexed } from '../unindexed.ts'
import { DEVICES } from './device-rows.ts'
import { runningOf } from './running-rows.ts'
import { tokenOwners } from './token-owners.ts'
import { touchDevices } from './touch-devices.ts'

const FIND_BY_ID = statement((db, organisation: Serial, id: Id) =>
  db.selectFrom('devices').selectAll().where('id', '=', id).where('organisation', '=', organisation),
)
const FIND_BY_ID_ON_SERVER = statement((db, id: Id) => db.selectFrom('devices').selectAll().where('id', '=', id))
const FIND_BY_KEY = statement((db, organisation: Serial, key: string) =>
  db.selectFrom('devices').selectAll().where('organisation', '=', organisation).where('key', '=', key),
)
const LOCK = statement((db, serial: Serial) =>
  db.selectFrom('devices').select('serial').where('serial', '=', serial).forUpdate(),
)
const DELETE = statement((db, serial: Serial) => db.deleteFrom('devices').where('serial', '=', serial))
const RELEASE_ALIASES = statement((db, serial: Serial) =>
  db.deleteFrom('aliases').where('kind', '=', 'device').where('owner', '=', serial),
)
const CLEAR_GROUP = statement((db, group: Serial) =>
  db
    .updateTable('devices')
    .set((is) => ({ device_group: null, revision: is('revision', '+', 1) }))
    .where('device_group', '=', group)
    .returning('serial'),
)

export class SqlDeviceStore implements DeviceStore {
  readonly #session: Session

  constructor(session: Session) {
    this.#session = session
  }

  async insert(row: New<Device>): Promise<Device> {
    const device = await DEVICES.insert(this.#session, row)
    this.#session.changes.device(device.serial)
    return device
  }

  async insertMany(rows: readonly New<Device>[]): Promise<Device[]> {
    const devices = await DEVICES.insertMany(this.#session, rows)
    for (const { serial } of devices) this.#session.changes.device(serial)
    return devices
  }

  find(serial: Serial): Promise<Device | undefined> {
    return DEVICES.find(this.#session, serial)
  }

  findById(organisation: Serial, id: Id): Promise<Device | undefined> {
    return DEVICES.one(this.#session, FIND_BY_ID(this.#session, organisation, id))
  }

  findByIdOnServer(id: Id): Promise<Device | undefined> {
    return DEVICES.one(this.#session, FIND_BY_ID_ON_SERVER(this.#session, id))
  }

  findByKey(organisation: Serial, key: string): Promise<Device | undefined> {
    return DEVICES.one(this.#session, FIND_BY_KEY(this.#session, organisation, key))
  }

  listByTokens(scheme: string, hashes: readonly string[]): Promise<TokenOwner[]> {
    return tokenOwners(this.#session, scheme, hashes)
  }

  async listNamed({ organisation, keys, ids, serials }: DeviceNames): Promise<Device[]> {
    const found = new Map<Serial, Device>()
    const select = () => this.#session.compiler.selectFrom('devices').selectAll()
    const queries = [
      ...slices(keys).map((some) => select().where('organisation', '=', organisation).where('key', 'in', some)),
      ...slices(ids).map((some) => select().where('id', 'in', some)),
      ...slices(serials).map((some) => select().where('serial', 'in', some)),
    ]
    for (const query of queries)
      for (const device of await DEVICES.many(this.#session, query.compile())) found.set(device.serial, device)
    return [...found.values()]
  }

  async update(serial: Serial, patch: Patch<Device>, ifRevision?: number): Promise<Device | undefined> {
    const device = await DEVICES.change(this.#session, serial, { patch, ifRevision })
    if (device) this.#session.changes.device(serial)
    return device
  }

  async lock(serial: Serial): Promise<boolean> {
    if (!this.#session.dialect.locksRows) return (await this.find(serial)) !== undefined
    return (await this.#session.first(LOCK(this.#session, serial))) !== undefined
  }

  /** All but the aliases go by cascade. */
  async delete(serial: Serial): Promise<void> {
    await this.#session.run(RELEASE_ALIASES(this.#session, serial))
    await this.#session.run(DELETE(this.#session, serial))
    this.#session.changes.device(serial)
  }

  list(filter: DeviceFilter, slice: Slice): Promise<Device[]> {
    const { query, serial } = this.#filtered(filter)
    return DEVICES.many(this.#session, sliced(query.selectAll('devices'), serial, slice).compile())
  }

  async count(filter: DeviceFilter): Promise<number> {
    const { query } = this.#filtered(filter)
    const counted = await this.#session.first(query.select(sql<number>`count(*)`.as('count')).compile())
    return counted?.count ?? 0
  }

  async listFacts(filter: DeviceFilter, slice: Slice): Promise<DeviceVersions[]> {
    const devices = await this.list(filter, slice)
    const running = await runningOf(
      this.#session,
      devices.map(({ serial }) => serial),
    )
    const byDevice = Map.groupBy(running, ({ device }) => device)
    return devices.map((device) => ({ device, running: byDevice.get(device.serial) ?? [] }))
  }

  touch(seen: ReadonlyArray<{ device: Serial; at: Millis }>): Promise<void> {
    return touchDevices(this.#session, seen)
  }

  async clearGroup(group: Serial): Promise<number> {
    const members = await this.#session.all(CLEAR_GROUP(this.#session, group))
    for (const { serial } of members) this.#session.changes.device(serial)
    return members.length
  }

  /** `serial`: the column by which the rows are in order without being sorted. */
  #filtered({ organisation, product, group, status, search, nameContains, serials, where, outside }: DeviceFilter) {
    const parts = this.#session.dialect.findDeviceParts({ search, nameContains })
    const isNarrow = serials !== undefined || parts !== undefined
    const its = (column: 'organisation' | 'product') =>
      isNarrow ? unindexed(this.#session, `devices.${column}`) : sql.ref(`devices.${column}`)
    let found = this.#from(parts).where(sql<boolean>`${its('organisation')} = ${organisation}`)
    if (serials !== undefined)
      found = found.where('devices.serial', 'in', serials.length === 0 ? [0] : [...new Set(serials)])
    if (product !== undefined) found = found.where(sql<boolean>`${its('product')} = ${product}`)
    if (group !== undefined) found = found.where('device_group', '=', group)
    if (status !== undefined) found = found.where('status', '=', status)
    if (parts === undefined && search !== undefined)
      found = found.where(contains(['key_folded', 'name_folded'], search))
    if (parts === undefined && nameContains !== undefined) found = found.where(contains(['name_folded'], nameContains))
    if (outside !== undefined)
      found = found.where(({ exists, not, selectFrom }) =>
        not(
          exists(
            selectFrom('rollout_members')
              .select('rollout_members.serial')
              .whereRef('rollout_members.device', '=', 'devices.serial')
              .where('rollout_members.rollout', '=', outside),
          ),
        ),
      )
    if (where !== undefined) found = found.where(filterWhere(where, this.#session.dialect))
    return { query: found, serial: parts === undefined ? 'devices.serial' : 'hits.found' }
  }

  /** All devices, or those of `parts` alone, which a cross join keeps in front. */
  #from(parts: RawBuilder<{ found: number }> | undefined): DeviceQuery {
    const { compiler } = this.#session
    if (parts === undefined) return compiler.selectFrom('devices')
    return compiler
      .selectFrom(parts.as('hits'))
      .crossJoin('devices')
      .whereRef('devices.serial', '=', 'hits.found') as unknown as DeviceQuery
  }
}

/** Whatever is joined to them, it is the devices that are asked for. */
type DeviceQuery = SelectQueryBuilder<Schema, 'devices', object>
