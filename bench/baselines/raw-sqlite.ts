import { DatabaseSync } from 'node:sqlite'
import type { RawReport } from './raw-rows.ts'

/** The floor for durable reports on SQLite: three prepared statements, and one commit for a batch. */
export function rawSqlite(file: string): (reports: readonly RawReport[]) => void {
  const database = new DatabaseSync(file)
  database.exec('pragma journal_mode = wal; pragma synchronous = full; pragma journal_size_limit = 67108864')
  database.exec('pragma foreign_keys = on; pragma temp_store = memory; pragma cache_size = -32768')
  const once = database.prepare("insert into once (purpose, key, expires_at) values ('report', ?, ?)")
  const move = database.prepare(
    'update updates set state = ?, progress = ?, deadline = ?, changed_at = ?, revision = revision + 1 where id = ?',
  )
  const note = database.prepare('update updates set progress = ?, deadline = ?, revision = revision + 1 where id = ?')
  const event = database.prepare(
    `insert into events (id, at, organisation, type, actor_kind, actor_id, actor_name, subject_kind, subject_id, details)
      values (?, ?, 1, ?, 'device', ?, ?, 'update', ?, ?)`,
  )
  return (reports) => {
    database.exec('begin immediate')
    for (const report of reports) {
      const { update } = report
      once.run(report.once.key, report.once.expiresAt)
      if (update.isMoved) move.run(update.state, update.progress, update.deadline, update.now, update.id)
      else note.run(update.progress, update.deadline, update.id)
      if (report.event) {
        const { id, at, type, actorId, actorName, subjectId, details } = report.event
        event.run(id, at, type, actorId, actorName, subjectId, details)
      }
    }
    database.exec('commit')
  }
}
