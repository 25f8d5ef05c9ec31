import { sql } from 'kysely'
import type { Id, Millis, New, Patch, Serial, Slice } from '../../../core/common.ts'
import type { DataFile } from '../../../core/data-file/data-file.ts'
import type { DataFileStore } from '../../../core/data-file/data-file-store.ts'
import { EntityTable } from '../entity-table.ts'
import { oldest } from '../oldest.ts'
import type { Row } from '../schema.ts'
import type { Session } from '../session.ts'
import { sliced } from '../slice.ts'
import { statement } from '../statement.ts'

const TABLE = new EntityTable<'data_files', DataFile>({
  table: 'data_files',
  uniques: [],
  toColumns: ({ organisation, device, type, module, sha256, size, uploadedAt }) => ({
    organisation,
    device,
    type,
    module,
    sha256,
    size,
    uploaded_at: uploadedAt,
  }),
  toEntity: toDataFile,
})

const FIND_BY_ID = statement((db, organisation: Serial, id: Id) =>
  db.selectFrom('data_files').selectAll().where('id', '=', id).where('organisation', '=', organisation),
)
const DELETE = statement((db, serial: Serial) => db.deleteFrom('data_files').where('serial', '=', serial))
const USAGE = statement((db, device: Serial) =>
  db
    .selectFrom('data_files')
    .select([sql<number>`count(*)`.as('files'), sql<number>`cast(coalesce(sum(size), 0) as bigint)`.as('bytes')])
    .where('device', '=', device),
)

export class SqlDataFileStore implements DataFileStore {
  readonly #session: Session

  constructor(session: Session) {
    this.#session = session
  }

  insert(row: New<DataFile>): Promise<DataFile> {
    return TABLE.insert(this.#session, row)
  }

  find(serial: Serial): Promise<DataFile | undefined> {
    return TABLE.find(this.#session, serial)
  }

  findById(organisation: Serial, id: Id): Promise<DataFile | undefined> {
    return TABLE.one(this.#session, FIND_BY_ID(this.#session, organisation, id))
  }

  update(serial: Serial, patch: Patch<DataFile>): Promise<DataFile | undefined> {
    return TABLE.change(this.#session, serial, { patch })
  }

  async delete(serial: Serial): Promise<void> {
    await this.#session.run(DELETE(this.#session, serial))
  }

  list(filter: { organisation: Serial; device?: Serial; type?: string }, slice: Slice): Promise<DataFile[]> {
    const { organisation, device, type } = filter
    let query = this.#session.compiler.selectFrom('data_files').selectAll().where('organisation', '=', organisation)
    if (device !== undefined) query = query.where('device', '=', device)
    if (type !== undefined) query = query.where('type', '=', type)
    return TABLE.many(this.#session, sliced(query, 'serial', slice).compile())
  }

  async usage(device: Serial): Promise<{ files: number; bytes: number }> {
    const { files = 0, bytes = 0 } = (await this.#session.first(USAGE(this.#session, device))) ?? {}
    return { files, bytes }
  }

  deleteBefore(before: Millis, limit: number): Promise<number> {
    const query = this.#session.compiler
      .deleteFrom('data_files')
      .where('serial', 'in', oldest(this.#session, { table: 'data_files', column: 'created_at', before, limit }))
    return this.#session.run(query.compile())
  }
}

function toDataFile(row: Row<'data_files'>): DataFile {
  return {
    serial: row.serial,
    id: row.id,
    createdAt: row.created_at,
    revision: row.revision,
    organisation: row.organisation,
    device: row.device,
    type: row.type,
    module: row.module,
    sha256: row.sha256,
    size: row.size,
    uploadedAt: row.uploaded_at,
  }
}
