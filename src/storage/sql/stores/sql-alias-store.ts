import type { Serial } from '../../../core/common.ts'
import type { Alias, AliasStore } from '../../../core/device/device-store.ts'
import type { Row } from '../schema.ts'
import type { Session } from '../session.ts'
import { conflict } from '../sql-failure.ts'
import { statement } from '../statement.ts'

// The owner may claim its own name again; for anybody else no row comes back.
const CLAIM = statement((db, slot: string, scope: Serial, name: string, kind: Alias['kind'], owner: Serial) =>
  db
    .insertInto('aliases')
    .values({ slot, scope, name, kind, owner })
    .onConflict((on) =>
      on
        .columns(['slot', 'scope', 'name'])
        .doUpdateSet((is) => ({ owner: is.ref('excluded.owner') }))
        .whereRef('aliases.owner', '=', 'excluded.owner')
        .whereRef('aliases.kind', '=', 'excluded.kind'),
    )
    .returning('owner'),
)
const RELEASE = statement((db, kind: Alias['kind'], owner: Serial) =>
  db.deleteFrom('aliases').where('kind', '=', kind).where('owner', '=', owner),
)
const FIND = statement((db, slot: string, scope: Serial, name: string) =>
  db.selectFrom('aliases').selectAll().where('slot', '=', slot).where('scope', '=', scope).where('name', '=', name),
)
const FIND_IN_ALL_SCOPES = statement((db, slot: string, name: string, limit: number) =>
  db.selectFrom('aliases').selectAll().where('slot', '=', slot).where('name', '=', name).orderBy('scope').limit(limit),
)
const ORGANISATION_OF_PRODUCT = statement((db, serial: Serial) =>
  db.selectFrom('products').select('organisation').where('serial', '=', serial),
)

export class SqlAliasStore implements AliasStore {
  readonly #session: Session

  constructor(session: Session) {
    this.#session = session
  }

  async claim({ slot, scope, name, kind, owner }: Alias): Promise<void> {
    const claimed = await this.#session.first(CLAIM(this.#session, slot, scope, name, kind, owner))
    if (claimed === undefined) throw conflict('alias', slot)
    await this.#changed(kind, owner)
  }

  async release(kind: Alias['kind'], owner: Serial): Promise<void> {
    await this.#session.run(RELEASE(this.#session, kind, owner))
    await this.#changed(kind, owner)
  }

  async find(slot: string, scope: Serial, name: string): Promise<Alias | undefined> {
    const row = await this.#session.first(FIND(this.#session, slot, scope, name))
    return row && toAlias(row)
  }

  async findInAllScopes(slot: string, name: string, limit: number): Promise<Alias[]> {
    return (await this.#session.all(FIND_IN_ALL_SCOPES(this.#session, slot, name, limit))).map(toAlias)
  }

  async #changed(kind: Alias['kind'], owner: Serial): Promise<void> {
    const { changes } = this.#session
    switch (kind) {
      case 'device':
        changes.device(owner)
        return
      case 'organisation':
        changes.fleet(owner)
        return
      case 'product': {
        const product = await this.#session.first(ORGANISATION_OF_PRODUCT(this.#session, owner))
        changes.fleet(product?.organisation ?? null)
      }
    }
  }
}

function toAlias({ slot, scope, name, kind, owner }: Row<'aliases'>): Alias {
  return { slot, scope, name, kind, owner }
}
