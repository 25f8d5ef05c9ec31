import pg from 'pg'
import type { RawReport } from './raw-rows.ts'

const ONCE = "insert into once (purpose, key, expires_at) select 'report', * from unnest($1::text[], $2::bigint[])"
const UPDATE = `update updates set state = new.state, progress = new.progress, deadline = new.deadline,
    changed_at = case when new.is_moved then new.now else updates.changed_at end, revision = updates.revision + 1
  from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::boolean[])
    as new(id, state, progress, deadline, now, is_moved)
  where updates.id = new.id`
const EVENT = `insert into events
    (id, at, type, actor_id, actor_name, subject_id, details, organisation, actor_kind, subject_kind)
  select *, 1, 'device', 'update'
  from unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])`

/** The floor for durable reports on PostgreSQL: for a batch one statement a table and one commit. */
export async function rawPostgres(url: string): Promise<(reports: readonly RawReport[]) => Promise<void>> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const run = (name: string, text: string, values: readonly unknown[]) =>
    client.query({ name, text, values: [...values] })
  return async (reports) => {
    const updates = reports.map(({ update }) => update)
    const events = reports.flatMap(({ event }) => event ?? [])
    await client.query('begin')
    await run('once', ONCE, [reports.map(({ once }) => once.key), reports.map(({ once }) => once.expiresAt)])
    await run('update', UPDATE, [
      updates.map(({ id }) => id),
      updates.map(({ state }) => state),
      updates.map(({ progress }) => progress),
      updates.map(({ deadline }) => deadline),
      updates.map(({ now }) => now),
      updates.map(({ isMoved }) => isMoved),
    ])
    if (events.length > 0)
      await run('event', EVENT, [
        events.map(({ id }) => id),
        events.map(({ at }) => at),
        events.map(({ type }) => type),
        events.map(({ actorId }) => actorId),
        events.map(({ actorName }) => actorName),
        events.map(({ subjectId }) => subjectId),
        events.map(({ details }) => details),
      ])
    await client.query('commit')
  }
}
