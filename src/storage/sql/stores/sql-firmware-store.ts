import { type SelectQueryBuilder, sql } from 'kysely'
import type { Id, New, Patch, Serial, Slice } from '../../../core/common.ts'
import type { Firmware, FirmwareFile } from '../../../core/firmware/firmware.ts'
import type { FirmwareFilter, FirmwareStore } from '../../../core/firmware/firmware-store.ts'
import type { Schema } from '../schema.ts'
import { contains } from '../search.ts'
import { SecondRow } from '../second-row.ts'
import type { Session } from '../session.ts'
import { sliced } from '../slice.ts'
import { statement } from '../statement.ts'
import { FIRMWARE, toArtifact, toFirmware } from './firmware-rows.ts'

const ARTIFACT = new SecondRow('artifacts', {
  serial: true,
  id: true,
  created_at: true,
  revision: true,
  organisation: true,
  firmware: true,
  sha256: true,
  sha1: true,
  md5: true,
  size: true,
  name: true,
  is_primary: true,
})

// Not as exclusive as an update of its key: rows that refer to it may come meanwhile.
const LOCK = statement((db, serial: Serial) =>
  db.selectFrom('firmware').select('serial').where('serial', '=', serial).forNoKeyUpdate(),
)
const FIND_BY_ID = statement((db, organisation: Serial, id: Id) =>
  db.selectFrom('firmware').selectAll().where('id', '=', id).where('organisation', '=', organisation),
)
const FIND_BY_FILE_ALIAS = statement((db, fileAlias: string) =>
  db.selectFrom('firmware').selectAll().where('file_alias', '=', fileAlias),
)
const FIND_BY_VERSION = statement((db, organisation: Serial, module: Serial, version: string) =>
  db
    .selectFrom('firmware')
    .selectAll()
    .where('module', '=', module)
    .where('version', '=', version)
    .where('organisation', '=', organisation)
    .where('scope', '=', sql.lit('library'))
    .limit(sql.lit(1)),
)
const DELETE_SILENT_RELEASE = statement((db, firmware: Serial) =>
  db.deleteFrom('releases').where('silent_firmware', '=', firmware),
)
const DELETE = statement((db, serial: Serial) =>
  db.deleteFrom('firmware').where('serial', '=', serial).returning('organisation'),
)

export class SqlFirmwareStore implements FirmwareStore {
  readonly #session: Session

  constructor(session: Session) {
    this.#session = session
  }

  async insert(row: New<Firmware>): Promise<Firmware> {
    const firmware = await FIRMWARE.insert(this.#session, row)
    this.#session.changes.fleet(firmware.organisation)
    return firmware
  }

  find(serial: Serial): Promise<Firmware | undefined> {
    return FIRMWARE.find(this.#session, serial)
  }

  findById(organisation: Serial, id: Id): Promise<Firmware | undefined> {
    return FIRMWARE.one(this.#session, FIND_BY_ID(this.#session, organisation, id))
  }

  findByFileAlias(fileAlias: string): Promise<Firmware | undefined> {
    return FIRMWARE.one(this.#session, FIND_BY_FILE_ALIAS(this.#session, fileAlias))
  }

  findByVersion(organisation: Serial, module: Serial, version: string): Promise<Firmware | undefined> {
    return FIRMWARE.one(this.#session, FIND_BY_VERSION(this.#session, organisation, module, version))
  }

  async update(serial: Serial, patch: Patch<Firmware>, ifRevision?: number): Promise<Firmware | undefined> {
    const firmware = await FIRMWARE.change(this.#session, serial, { patch, ifRevision })
    if (firmware) this.#session.changes.fleet(firmware.organisation)
    return firmware
  }

  async lock(serial: Serial): Promise<void> {
    if (this.#session.dialect.locksRows) await this.#session.first(LOCK(this.#session, serial))
  }

  /** Artifacts go by cascade; assignments, updates and named releases hold it fast. */
  async delete(serial: Serial): Promise<void> {
    const deleted = await this.#session.savepoint(async () => {
      await this.#session.run(DELETE_SILENT_RELEASE(this.#session, serial))
      return this.#session.first(DELETE(this.#session, serial))
    })
    if (deleted) this.#session.changes.fleet(deleted.organisation)
  }

  list(filter: FirmwareFilter, slice: Slice): Promise<Firmware[]> {
    const query = filtered(this.#session.compiler.selectFrom('firmware'), filter).selectAll()
    return FIRMWARE.many(this.#session, sliced(query, 'serial', slice).compile())
  }

  async listFiles(filter: FirmwareFilter, slice: Slice): Promise<FirmwareFile[]> {
    const joined = this.#session.compiler
      .selectFrom('firmware')
      .innerJoin('artifacts', (join) =>
        join.onRef('artifacts.firmware', '=', 'firmware.serial').on('artifacts.is_primary', '=', sql.lit(true)),
      )
    const query = filtered(joined, filter).selectAll('firmware').select(ARTIFACT.columns)
    const rows = await this.#session.all(sliced(query, 'firmware.serial', slice).compile())
    return rows.map((row) => ({ firmware: toFirmware(row), artifact: toArtifact(ARTIFACT.of(row)) }))
  }

  async count(filter: FirmwareFilter): Promise<number> {
    const query = filtered(this.#session.compiler.selectFrom('firmware'), filter)
    const counted = await this.#session.first(query.select(sql<number>`count(*)`.as('count')).compile())
    return counted?.count ?? 0
  }
}

function filtered<T extends 'firmware' | 'artifacts', O>(
  query: SelectQueryBuilder<Schema, T | 'firmware', O>,
  { organisation, product, module, scope, active, withdrawn, version, search }: FirmwareFilter,
): SelectQueryBuilder<Schema, T | 'firmware', O> {
  const equals = (column: string, value: unknown) => sql<boolean>`${sql.ref(`firmware.${column}`)} = ${value}`
  let found = query.where(equals('organisation', organisation))
  if (product === null) found = found.where(sql<boolean>`firmware.product is null`)
  else if (product !== undefined) found = found.where(equals('product', product))
  if (module !== undefined) found = found.where(equals('module', module))
  if (scope !== undefined) found = found.where(equals('scope', scope))
  if (active !== undefined) found = found.where(equals('active', active))
  if (withdrawn !== undefined) found = found.where(equals('withdrawn', withdrawn))
  if (version !== undefined) found = found.where(equals('version', version))
  if (search !== undefined) found = found.where(contains(SEARCHED, search))
  return found
}

const SEARCHED = ['firmware.version_folded', 'firmware.name_folded', 'firmware.notes_folded']
