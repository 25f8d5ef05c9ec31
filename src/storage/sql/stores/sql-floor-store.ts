import type { Id, New, Patch, Serial } from '../../../core/common.ts'
import type { Floor } from '../../../core/floor/floor.ts'
import type { FloorStore } from '../../../core/floor/floor-store.ts'
import { EntityTable } from '../entity-table.ts'
import type { Row } from '../schema.ts'
import type { Session } from '../session.ts'
import { statement } from '../statement.ts'

const TABLE = new EntityTable<'floors', Floor>({
  table: 'floors',
  uniques: [{ field: 'firmware', columns: ['firmware'] }],
  toColumns: ({ organisation, product, module, firmware, reason }) => ({
    organisation,
    product,
    module,
    firmware,
    reason,
  }),
  toEntity: toFloor,
})

const FIND_BY_ID = statement((db, organisation: Serial, id: Id) =>
  db.selectFrom('floors').selectAll().where('id', '=', id).where('organisation', '=', organisation),
)
const FIND_BY_FIRMWARE = statement((db, firmware: Serial) =>
  db.selectFrom('floors').selectAll().where('firmware', '=', firmware),
)
const LIST_BY_PRODUCT = statement((db, product: Serial) =>
  db.selectFrom('floors').selectAll().where('product', '=', product).orderBy('serial'),
)
const DELETE = statement((db, serial: Serial) =>
  db.deleteFrom('floors').where('serial', '=', serial).returning('organisation'),
)

export class SqlFloorStore implements FloorStore {
  readonly #session: Session

  constructor(session: Session) {
    this.#session = session
  }

  async insert(row: New<Floor>): Promise<Floor> {
    const floor = await TABLE.insert(this.#session, row)
    this.#session.changes.fleet(floor.organisation)
    return floor
  }

  find(serial: Serial): Promise<Floor | undefined> {
    return TABLE.find(this.#session, serial)
  }

  findById(organisation: Serial, id: Id): Promise<Floor | undefined> {
    return TABLE.one(this.#session, FIND_BY_ID(this.#session, organisation, id))
  }

  findByFirmware(firmware: Serial): Promise<Floor | undefined> {
    return TABLE.one(this.#session, FIND_BY_FIRMWARE(this.#session, firmware))
  }

  listByProduct(product: Serial): Promise<Floor[]> {
    return TABLE.many(this.#session, LIST_BY_PRODUCT(this.#session, product))
  }

  async update(serial: Serial, patch: Patch<Floor>, ifRevision?: number): Promise<Floor | undefined> {
    const floor = await TABLE.change(this.#session, serial, { patch, ifRevision })
    if (floor) this.#session.changes.fleet(floor.organisation)
    return floor
  }

  async delete(serial: Serial): Promise<void> {
    const deleted = await this.#session.first(DELETE(this.#session, serial))
    if (deleted) this.#session.changes.fleet(deleted.organisation)
  }
}

function toFloor(row: Row<'floors'>): Floor {
  return {
    serial: row.serial,
    id: row.id,
    createdAt: row.created_at,
    revision: row.revision,
    organisation: row.organisation,
    product: row.product,
    module: row.module,
    firmware: row.firmware,
    reason: row.reason,
  }
}
