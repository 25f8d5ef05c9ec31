import { type SqlBool, sql } from 'kysely'
import type { Millis } from '../../../core/common.ts'
import type { BlobRecordStore } from '../../../core/firmware/firmware-store.ts'
import type { Session } from '../session.ts'
import { statement } from '../statement.ts'

const TOUCH = statement((db, sha256: string, size: number, at: Millis) =>
  db
    .insertInto('blobs')
    .values({ sha256, size, touched_at: at })
    .onConflict((on) =>
      on.column('sha256').doUpdateSet((is) => ({
        touched_at: is
          .case()
          .when('blobs.touched_at', '>', is.ref('excluded.touched_at'))
          .then(is.ref('blobs.touched_at'))
          .else(is.ref('excluded.touched_at'))
          .end(),
      })),
    ),
)
const IS_UNREFERENCED = sql<SqlBool>`not exists (select 1 from artifacts where artifacts.sha256 = blobs.sha256)
  and not exists (select 1 from data_files where data_files.sha256 = blobs.sha256)`
const LIST_UNREFERENCED = statement((db, before: Millis, limit: number) =>
  db
    .selectFrom('blobs')
    .select('sha256')
    .where('touched_at', '<', before)
    .where(IS_UNREFERENCED)
    .orderBy('touched_at')
    .limit(limit),
)
// Whoever uses the blob touches the row first, so one of the two waits for the other and then sees what it did.
const DELETE_IF_UNREFERENCED = statement((db, sha256: string, before: Millis) =>
  db.deleteFrom('blobs').where('sha256', '=', sha256).where('touched_at', '<', before).where(IS_UNREFERENCED),
)
const FIND = statement((db, sha256: string) => db.selectFrom('blobs').select('sha256').where('sha256', '=', sha256))

export class SqlBlobRecordStore implements BlobRecordStore {
  readonly #session: Session

  constructor(session: Session) {
    this.#session = session
  }

  async touch(sha256: string, size: number, at: Millis): Promise<void> {
    await this.#session.run(TOUCH(this.#session, sha256, size, at))
  }

  async listUnreferenced(before: Millis, limit: number): Promise<string[]> {
    return (await this.#session.all(LIST_UNREFERENCED(this.#session, before, limit))).map(({ sha256 }) => sha256)
  }

  async deleteIfUnreferenced(sha256: string, before: Millis): Promise<boolean> {
    return (await this.#session.run(DELETE_IF_UNREFERENCED(this.#session, sha256, before))) > 0
  }

  async isKnown(sha256: string): Promise<boolean> {
    return (await this.#session.first(FIND(this.#session, sha256))) !== undefined
  }
}
