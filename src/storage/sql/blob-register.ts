import { type Kysely, sql } from 'kysely'
import type { Millis } from '../../core/common.ts'
import { withDatabase } from './inspect-database.ts'
import type { ExclusiveTarget } from './open-exclusively.ts'
import { toOtaError } from './sql-failure.ts'

/** A file of which the database knows. */
export interface RegisteredBlob {
  readonly sha256: string
  /** In bytes. */
  readonly size: number
}

/** What a database says about files, for maintenance beside running servers. */
export interface BlobRegister {
  /** Every file that is recorded or referred to, by hash; from after `after` on. */
  list(after: string, limit: number): Promise<RegisteredBlob[]>
  /** Whether a file is still recorded or referred to. */
  has(sha256: string): Promise<boolean>
  /** Records a file of which the record has gone, so that the collection finds what lies in the store; else nothing. */
  keep(blob: RegisteredBlob, now: Millis): Promise<void>
}

const REGISTERED = sql<RegisteredBlob>`
  select sha256, size from blobs
  union select sha256, size from artifacts
  union select sha256, size from data_files where sha256 is not null`

interface Tables {
  readonly blobs: { sha256: string; size: number; touched_at: number }
}

/** Opens the database for as long as `work` runs; servers may be running. Throws `storage-failed`. */
export function withBlobRegister<T>(target: ExclusiveTarget, work: (register: BlobRegister) => Promise<T>): Promise<T> {
  return withDatabase(target, 'write', async (database, dialect) => {
    const db = database as unknown as Kysely<Tables>
    const answer = <R>(query: Promise<R>): Promise<R> =>
      query.catch((error) => {
        throw toOtaError(error, '', dialect)
      })
    return work({
      async list(after, limit) {
        const page = sql<RegisteredBlob>`
          select sha256, max(size) as size from (${REGISTERED}) as files
          where sha256 > ${after} group by sha256 order by sha256 limit ${limit}`
        const { rows } = await answer(page.execute(db))
        return rows.map(({ sha256, size }) => ({ sha256, size: Number(size) }))
      },
      async has(sha256) {
        const one = sql`select sha256 from (${REGISTERED}) as files where sha256 = ${sha256} limit 1`
        return (await answer(one.execute(db))).rows.length > 0
      },
      async keep({ sha256, size }, now) {
        const known = db.selectFrom('blobs').select('sha256').where('sha256', '=', sha256)
        if ((await answer(known.executeTakeFirst())) !== undefined) return
        const insert = db.insertInto('blobs').values({ sha256, size, touched_at: now })
        await answer(insert.onConflict((on) => on.column('sha256').doNothing()).execute())
      },
    })
  })
}
