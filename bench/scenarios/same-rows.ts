import { DatabaseSync } from 'node:sqlite'
import pg from 'pg'
import type { RawDevice } from '../baselines/raw-rows.ts'

export type ReadRows = (sql: string) => Promise<Record<string, unknown>[]>

/** Reads a database that a server has open. */
export function sqliteReader(file: string): ReadRows {
  return async (sql) => {
    const database = new DatabaseSync(file, { readOnly: true })
    try {
      return database.prepare(sql).all()
    } finally {
      database.close()
    }
  }
}

export function postgresReader(url: string): ReadRows {
  return async (sql) => {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    try {
      return (await client.query(sql)).rows
    } finally {
      await client.end()
    }
  }
}

const VARYING = new Set(['serial', 'created_at', 'changed_at', 'deadline', 'expires_at', 'at'])

/** Everything that the reports of a device have left, without what is its own or a moment's. */
export async function rowsOfDevice(read: ReadRows, device: RawDevice): Promise<string> {
  const rows = [
    ...(await read(`select * from once where purpose = 'report' and key like '${device.serial}/%' order by key`)),
    ...(await read(`select * from updates where id = '${device.update}'`)),
    ...(await read(`select * from events where organisation = 1 and subject_id = '${device.update}' order by serial`)),
  ]
  const own = [device.id, device.update, device.key]
  return rows
    .map((row) => {
      const fields = Object.entries(row).map(([name, value]) => {
        if (VARYING.has(name) || name === 'id' || name === 'device') return [name, value === null ? null : '…']
        const text = String(value).replace(new RegExp(`^${device.serial}/`), '…/')
        return [name, own.reduce((rest, mine) => rest.replaceAll(mine, '…'), text)]
      })
      return JSON.stringify(Object.fromEntries(fields))
    })
    .join('\n')
}

/** Throws unless the rows that two sides left for the same reports say the same. */
export function assertSameRows(ours: string, raw: string): void {
  if (ours !== raw) throw new Error(`The baseline writes other rows:\n${ours}\n---\n${raw}`)
}
