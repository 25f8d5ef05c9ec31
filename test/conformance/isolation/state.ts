import { DatabaseSync } from 'node:sqlite'

/** Rows of one organisation, table by table, and rows that are nobody's. */
export interface State {
  /** `table {"column":...}` by organisation. */
  readonly owned: ReadonlyMap<number, readonly string[]>
  readonly unowned: readonly string[]
}

/** The organisation to which a row belongs, as an SQL expression; null = nobody's. A table that is missing fails the dump. */
const OWNER: Readonly<Record<string, string>> = {
  organisations: 'serial',
  accounts: '(select organisation from memberships where account = t.serial order by organisation limit 1)',
  memberships: 'organisation',
  api_tokens: '(select organisation from memberships where account = t.account order by organisation limit 1)',
  access_keys: 'organisation',
  access_tokens: '(select organisation from access_keys where serial = t.access_key)',
  once: `case purpose when 'report' then (select organisation from devices where t.key like serial || '/%')
    else (select organisation from access_keys where t.key like serial || '/%') end`,
  idempotency: '(select organisation from memberships where account = t.account order by organisation limit 1)',
  tallies: 'organisation',
  products: 'organisation',
  modules: 'organisation',
  devices: 'organisation',
  device_groups: 'organisation',
  credentials: 'organisation',
  running_versions: '(select organisation from devices where serial = t.device)',
  aliases: `case kind when 'organisation' then owner
    when 'product' then (select organisation from products where serial = t.owner)
    else (select organisation from devices where serial = t.owner) end`,
  firmware: 'organisation',
  artifacts: 'organisation',
  blobs: `coalesce((select organisation from artifacts where sha256 = t.sha256 limit 1),
    (select organisation from data_files where sha256 = t.sha256 limit 1))`,
  floors: 'organisation',
  releases: 'organisation',
  release_firmware: '(select organisation from releases where serial = t.release)',
  assignments: 'organisation',
  updates: 'organisation',
  rollouts: 'organisation',
  rollout_members: 'organisation',
  rollout_tallies: '(select organisation from rollouts where serial = t.rollout)',
  rollout_approvals: '(select organisation from rollouts where serial = t.rollout)',
  rollout_names: '(select organisation from rollouts where serial = t.rollout)',
  data_files: 'organisation',
  webhooks: 'organisation',
  webhook_progress: '(select organisation from webhooks where serial = t.webhook)',
  dead_letters: 'organisation',
  events: `coalesce(organisation, (select organisation from memberships m join accounts a on a.serial = m.account
    where t.actor_kind = 'account' and a.id = t.actor_id limit 1))`,
  settings: 'null',
  leases: 'null',
  nodes: 'null',
  migrations: 'null',
  migrations_lock: 'null',
}

/** Looks into a SQLite database from outside, whatever the stores would show. */
export class StateReader {
  readonly #database: DatabaseSync
  readonly #tables: readonly string[]

  constructor(file: string) {
    this.#database = new DatabaseSync(file, { readOnly: true })
    const tables = this.#database
      .prepare(
        // The tables of the search index repeat what stands in those of the devices.
        `select name from sqlite_master where type = 'table' and name not like 'sqlite_%' and name not like 'kysely_%'
          and name not like 'device_search%'`,
      )
      .all()
      .map((row) => String(row['name']))
    const unknown = tables.filter((name) => !(name in OWNER))
    if (unknown.length > 0) throw new Error(`Say whose the rows of ${unknown.join(', ')} are`)
    this.#tables = tables
  }

  /** All rows of these organisations, and all that are nobody's. */
  dump(organisations: readonly number[]): State {
    const owned = new Map(organisations.map((serial) => [serial, [] as string[]]))
    const unowned: string[] = []
    for (const table of this.#tables) {
      const list = organisations.join(', ')
      const rows = this.#database
        .prepare(
          `select * from (select *, ${OWNER[table]} as _owner from "${table}" as t) where _owner is null or _owner in (${list})`,
        )
        .all()
      for (const { _owner, ...row } of rows) {
        const line = `${table} ${JSON.stringify(row)}`
        if (typeof _owner === 'number') owned.get(_owner)?.push(line)
        else unowned.push(line)
      }
    }
    return { owned, unowned }
  }

  close(): void {
    this.#database.close()
  }
}
