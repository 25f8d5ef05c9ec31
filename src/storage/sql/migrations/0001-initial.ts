import { type CreateTableBuilder, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { MigrationDb, SqlDialect } from '../dialects/dialect.ts'

/** The tables of the first release. Immutable: whatever changes is a new migration. */
export function initial(dialect: SqlDialect): Migration {
  return {
    async up(db) {
      const builder = new Builder(db, dialect)
      await createOperators(builder)
      await createFleet(builder)
      await createFirmware(builder)
      await createUpdates(builder)
    },
  }
}

type Table = CreateTableBuilder<string, string>
type Column = Parameters<Table['addColumn']>[2]
type OnDelete = 'cascade' | 'restrict' | 'set null'

/** Create statements in few words. Columns are not null unless they say so. */
class Builder {
  readonly #db: MigrationDb
  readonly #dialect: SqlDialect

  constructor(db: MigrationDb, dialect: SqlDialect) {
    this.#db = db
    this.#dialect = dialect
  }

  async create(name: string, columns: (table: TableColumns) => TableColumns): Promise<void> {
    await columns(new TableColumns(this.#db.schema.createTable(name), this.#dialect)).table.execute()
  }

  /** Serial, id, creation time and revision come first. */
  async createEntity(name: string, columns: (table: TableColumns) => TableColumns): Promise<void> {
    const table = this.#dialect.withSerial(this.#db.schema.createTable(name))
    const entity = new TableColumns(table, this.#dialect)
      .text('id')
      .integer('created_at')
      .integer('revision', (column) => column.notNull().defaultTo(1))
    await columns(entity).table.execute()
    await this.unique(name, 'id', ['id'])
  }

  /** Serial alone comes first. */
  async createLog(name: string, columns: (table: TableColumns) => TableColumns): Promise<void> {
    const table = this.#dialect.withSerial(this.#db.schema.createTable(name))
    await columns(new TableColumns(table, this.#dialect)).table.execute()
  }

  /** `field` is what a conflict is reported as; `among` restricts the index to some rows. */
  async unique(table: string, field: string, columns: readonly string[], among?: string): Promise<void> {
    await this.#index(`${table}__${field}`, { table, columns, unique: 'unique ', among })
  }

  async index(table: string, columns: readonly string[], among?: string): Promise<void> {
    const name = `${table}_by_${columns.join('_')}`
    await this.#index(name, { table, columns, unique: '', among })
  }

  async #index(
    name: string,
    of: { table: string; columns: readonly string[]; unique: string; among: string | undefined },
  ): Promise<void> {
    const where = of.among === undefined ? '' : ` where ${of.among}`
    const statement = `create ${of.unique}index "${name}" on "${of.table}" (${of.columns.join(', ')})${where}`
    await sql.raw(statement).execute(this.#db)
  }
}

class TableColumns {
  readonly table: Table
  readonly #dialect: SqlDialect

  constructor(table: CreateTableBuilder<string, never>, dialect: SqlDialect) {
    this.table = table as Table
    this.#dialect = dialect
  }

  #with(table: Table): TableColumns {
    return new TableColumns(table as CreateTableBuilder<string, never>, this.#dialect)
  }

  text(name: string, column: Column = (it) => it.notNull()): TableColumns {
    return this.#with(this.table.addColumn(name, this.#dialect.types.text, column))
  }

  optionalText(name: string): TableColumns {
    return this.text(name, (it) => it)
  }

  integer(name: string, column: Column = (it) => it.notNull()): TableColumns {
    return this.#with(this.table.addColumn(name, this.#dialect.types.integer, column))
  }

  optionalInteger(name: string): TableColumns {
    return this.integer(name, (it) => it)
  }

  flag(name: string): TableColumns {
    return this.#with(this.table.addColumn(name, this.#dialect.types.flag, (it) => it.notNull()))
  }

  /** A foreign key to a table's serial. */
  refers(name: string, table: string, onDelete: OnDelete): TableColumns {
    return this.integer(name, (it) => it.notNull().references(`${table}.serial`).onDelete(onDelete))
  }

  optionallyRefers(name: string, table: string, onDelete: OnDelete): TableColumns {
    return this.integer(name, (it) => it.references(`${table}.serial`).onDelete(onDelete))
  }

  primaryKey(columns: readonly string[], name: string): TableColumns {
    return this.#with(this.table.addPrimaryKeyConstraint(`${name}_pkey`, [...columns]))
  }
}

async function createOperators(b: Builder): Promise<void> {
  // No foreign key: products refer to organisations already, and the store clears it when the product goes.
  await b.createEntity('organisations', (t) =>
    t.text('key').text('name').optionalInteger('default_product').flag('frozen').text('aliases').text('settings'),
  )
  await b.unique('organisations', 'key', ['key'])

  await b.createEntity('accounts', (t) =>
    t
      .text('email')
      .text('password_hash')
      .flag('is_administrator')
      .integer('failed_logins')
      .integer('locked_until')
      .integer('generation'),
  )
  await b.unique('accounts', 'email', ['email'])

  await b.create('memberships', (t) =>
    t
      .refers('account', 'accounts', 'cascade')
      .refers('organisation', 'organisations', 'cascade')
      .text('role')
      .primaryKey(['account', 'organisation'], 'memberships'),
  )
  await b.index('memberships', ['organisation'])

  await b.createEntity('api_tokens', (t) =>
    t
      .refers('account', 'accounts', 'cascade')
      .text('name')
      .text('hash')
      .text('scope')
      .optionallyRefers('organisation', 'organisations', 'cascade')
      .optionalInteger('expires_at')
      .optionalInteger('revoked_at')
      .optionalInteger('last_used_at'),
  )
  await b.unique('api_tokens', 'hash', ['hash'])
  await b.index('api_tokens', ['account', 'serial'])
  await b.index('api_tokens', ['expires_at'], 'expires_at is not null')

  await b.createEntity('access_keys', (t) =>
    t
      .refers('organisation', 'organisations', 'cascade')
      .text('key')
      .text('name')
      .text('sealed_secret')
      .text('grants')
      .flag('disabled')
      .optionalText('proof_hash'),
  )
  await b.unique('access_keys', 'key', ['key'])
  await b.index('access_keys', ['organisation', 'serial'])

  await b.create('access_tokens', (t) =>
    t
      .text('hash')
      .refers('access_key', 'access_keys', 'cascade')
      .text('sealed')
      .integer('expires_at')
      .flag('is_current')
      .primaryKey(['hash'], 'access_tokens'),
  )
  await b.unique('access_tokens', 'current', ['access_key'], 'is_current = true')
  await b.index('access_tokens', ['access_key'])
  await b.index('access_tokens', ['expires_at'])

  await b.create('once', (t) =>
    t.text('purpose').text('key').integer('expires_at').primaryKey(['purpose', 'key'], 'once'),
  )
  await b.index('once', ['expires_at'])

  await b.create('idempotency', (t) =>
    t
      .refers('account', 'accounts', 'cascade')
      .text('key')
      .text('request_hash')
      .integer('status')
      .text('body')
      .integer('expires_at')
      .primaryKey(['account', 'key'], 'idempotency'),
  )
  await b.index('idempotency', ['expires_at'])

  await b.create('tallies', (t) =>
    t
      .refers('organisation', 'organisations', 'cascade')
      .text('name')
      .integer('count')
      .primaryKey(['organisation', 'name'], 'tallies'),
  )

  await b.create('settings', (t) => t.text('name').text('value').primaryKey(['name'], 'settings'))

  await b.createLog('events', (t) =>
    t
      .text('id')
      .integer('at')
      .optionalInteger('organisation')
      .text('type')
      .text('actor_kind')
      .text('actor_id')
      .text('actor_name')
      .text('subject_kind')
      .text('subject_id')
      .text('details'),
  )
  await b.index('events', ['organisation', 'serial'])
  await b.index('events', ['organisation', 'subject_id', 'serial'])
  await b.index('events', ['at'])
}

async function createFleet(b: Builder): Promise<void> {
  await b.createEntity('products', (t) =>
    t.refers('organisation', 'organisations', 'restrict').text('key').text('name').text('distribution').text('aliases'),
  )
  await b.unique('products', 'key', ['organisation', 'key'])
  await b.index('products', ['organisation', 'serial'])
  await b.index('products', ['key', 'serial'])

  await b.createEntity('modules', (t) =>
    t
      .refers('organisation', 'organisations', 'restrict')
      .refers('product', 'products', 'cascade')
      .text('key')
      .text('name')
      .flag('is_primary'),
  )
  await b.unique('modules', 'key', ['product', 'key'])
  await b.index('modules', ['product', 'serial'])

  await b.createEntity('device_groups', (t) =>
    t
      .refers('organisation', 'organisations', 'restrict')
      .text('key')
      .text('name')
      .text('key_folded')
      .text('name_folded'),
  )
  await b.unique('device_groups', 'key', ['organisation', 'key'])
  await b.index('device_groups', ['organisation', 'serial'])
  await b.index('device_groups', ['organisation', 'created_at', 'id'])

  await b.createEntity('devices', (t) =>
    t
      .refers('organisation', 'organisations', 'restrict')
      .text('key')
      .text('name')
      .text('key_folded')
      .text('name_folded')
      .optionallyRefers('product', 'products', 'restrict')
      .optionallyRefers('device_group', 'device_groups', 'restrict')
      .text('status')
      .text('tags')
      .text('attributes')
      .text('aliases')
      .optionalInteger('last_seen_at'),
  )
  await b.unique('devices', 'key', ['organisation', 'key'])
  await b.index('devices', ['organisation', 'serial'])
  await b.index('devices', ['organisation', 'created_at', 'id'])
  await b.index('devices', ['product', 'serial'], 'product is not null')
  await b.index('devices', ['device_group', 'serial'], 'device_group is not null')

  await b.createEntity('credentials', (t) =>
    t
      .refers('organisation', 'organisations', 'restrict')
      .optionallyRefers('device', 'devices', 'cascade')
      .optionallyRefers('device_group', 'device_groups', 'cascade')
      .text('scheme')
      .optionalText('hash')
      .optionalText('sealed')
      .integer('generation')
      .optionalInteger('expires_at')
      .text('details'),
  )
  await b.unique('credentials', 'hash', ['scheme', 'hash'], 'sealed is null')
  await b.index('credentials', ['device', 'serial'], 'device is not null')
  await b.index('credentials', ['device_group', 'serial'], 'device_group is not null')
  await b.index('credentials', ['expires_at'], 'expires_at is not null')

  await b.create('running_versions', (t) =>
    t
      .refers('device', 'devices', 'cascade')
      .refers('module', 'modules', 'restrict')
      .text('version')
      .optionalText('previous_version')
      .integer('reported_at')
      .primaryKey(['device', 'module'], 'running_versions'),
  )
  await b.index('running_versions', ['module', 'version'])
  await b.index('running_versions', ['module', 'previous_version'], 'previous_version is not null')

  await b.create('aliases', (t) =>
    t
      .text('slot')
      .integer('scope')
      .text('name')
      .text('kind')
      .integer('owner')
      .primaryKey(['slot', 'scope', 'name'], 'aliases'),
  )
  await b.index('aliases', ['kind', 'owner'])
  await b.index('aliases', ['slot', 'name', 'scope'])

  // No foreign key to the device: what it sent outlives it until its retention ends.
  await b.createEntity('data_files', (t) =>
    t
      .refers('organisation', 'organisations', 'restrict')
      .integer('device')
      .text('type')
      .optionallyRefers('module', 'modules', 'set null')
      .optionalText('sha256')
      .integer('size')
      .optionalInteger('uploaded_at'),
  )
  await b.index('data_files', ['organisation', 'serial'])
  await b.index('data_files', ['device', 'serial'])
  await b.index('data_files', ['module'], 'module is not null')
  await b.index('data_files', ['sha256'], 'sha256 is not null')
  await b.index('data_files', ['created_at'])
}

async function createFirmware(b: Builder): Promise<void> {
  await b.createEntity('firmware', (t) =>
    t
      .refers('organisation', 'organisations', 'restrict')
      .optionallyRefers('product', 'products', 'restrict')
      .optionallyRefers('module', 'modules', 'restrict')
      .text('version')
      .text('version_folded')
      .text('scope')
      .flag('sealed')
      .flag('active')
      .flag('withdrawn')
      .text('name')
      .text('name_folded')
      .text('name_locales')
      .optionalText('description')
      .text('notes')
      .text('notes_folded')
      .text('tags')
      .text('verification')
      .text('declared_digest')
      .text('file_alias')
      .text('warnings')
      .optionalInteger('released_at')
      .optionalText('signature'),
  )
  const library = "scope = 'library'"
  const place = ['organisation', 'coalesce(product, 0)', 'coalesce(module, 0)']
  await b.unique('firmware', 'version', [...place, 'version'], library)
  await b.unique('firmware', 'name', ['organisation', 'coalesce(product, 0)', 'name'], library)
  await b.unique('firmware', 'file_alias', ['file_alias'])
  await b.index('firmware', ['organisation', 'serial'])
  await b.index('firmware', ['product', 'serial'], 'product is not null')
  await b.index('firmware', ['module', 'version'], 'module is not null')

  await b.createEntity('artifacts', (t) =>
    t
      .refers('organisation', 'organisations', 'restrict')
      .refers('firmware', 'firmware', 'cascade')
      .text('sha256')
      .text('sha1')
      .text('md5')
      .integer('size')
      .text('name')
      .flag('is_primary'),
  )
  await b.index('artifacts', ['firmware', 'serial'])
  await b.index('artifacts', ['sha256'])

  await b.create('blobs', (t) => t.text('sha256').integer('size').integer('touched_at').primaryKey(['sha256'], 'blobs'))
  await b.index('blobs', ['touched_at'])
}

async function createUpdates(b: Builder): Promise<void> {
  await b.createEntity('releases', (t) =>
    t
      .refers('organisation', 'organisations', 'restrict')
      .optionallyRefers('product', 'products', 'restrict')
      .text('version')
      .flag('is_silent')
      .text('firmware')
      .optionallyRefers('silent_firmware', 'firmware', 'restrict'),
  )
  await b.unique('releases', 'version', ['organisation', 'coalesce(product, 0)', 'version'], 'is_silent = false')
  await b.unique('releases', 'firmware', ['silent_firmware'])
  await b.index('releases', ['organisation', 'serial'])
  await b.index('releases', ['product', 'serial'], 'product is not null')

  await b.create('release_firmware', (t) =>
    t
      .refers('release', 'releases', 'cascade')
      .refers('firmware', 'firmware', 'restrict')
      .primaryKey(['release', 'firmware'], 'release_firmware'),
  )
  await b.index('release_firmware', ['firmware'])

  await b.createEntity('assignments', (t) =>
    t
      .refers('organisation', 'organisations', 'restrict')
      .optionallyRefers('device', 'devices', 'cascade')
      .optionallyRefers('device_group', 'device_groups', 'cascade')
      .refers('release', 'releases', 'restrict')
      .integer('assigned_at'),
  )
  await b.unique('assignments', 'device', ['device'])
  await b.unique('assignments', 'group', ['device_group'])
  await b.index('assignments', ['organisation', 'serial'])
  await b.index('assignments', ['organisation', 'assigned_at', 'id'])
  await b.index('assignments', ['release', 'serial'])

  // No foreign key to the assignment: history remembers one that was taken back.
  await b.createEntity('updates', (t) =>
    t
      .refers('organisation', 'organisations', 'restrict')
      .refers('device', 'devices', 'cascade')
      .refers('release', 'releases', 'restrict')
      .optionalInteger('assignment')
      .text('via')
      .text('state')
      .flag('is_open')
      .integer('attempt')
      .integer('progress')
      .text('reason')
      .text('steps')
      .integer('changed_at')
      .optionalInteger('closed_at')
      .optionalInteger('confirm_after'),
  )
  await b.unique('updates', 'device', ['device'], 'is_open = true')
  await b.index('updates', ['device', 'serial'])
  await b.index('updates', ['organisation', 'is_open', 'serial'], 'is_open = true')
  await b.index('updates', ['organisation', 'serial'])
  await b.index('updates', ['release', 'serial'])
  await b.index('updates', ['confirm_after'], 'confirm_after is not null')
  await b.index('updates', ['closed_at'], 'closed_at is not null')
}
