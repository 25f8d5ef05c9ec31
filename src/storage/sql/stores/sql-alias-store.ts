import type { Serial } from '../../../core/common.ts'
import type { Alias, AliasStore } from '../../../core/device/device-store.ts'
import type { Compiler } from '../compiler.ts'
import { pauses } from '../pauses.ts'
import type { Row } from '../schema.ts'
import type { Session } from '../session.ts'
import { slices } from '../slice.ts'
import { conflict } from '../sql-failure.ts'
import { statement } from '../statement.ts'

/** Names per statement of `claimMany`. */
const CLAIMED = 1_000

type Name = Pick<Alias, 'slot' | 'scope' | 'name'>

/** The owner may claim its own name again; for anybody else no row comes back. */
function claiming(db: Compiler, aliases: readonly Alias[]) {
  return db
    .insertInto('aliases')
    .values(aliases.map(({ slot, scope, name, kind, owner }) => ({ slot, scope, name, kind, owner })))
    .onConflict((on) =>
      on
        .columns(['slot', 'scope', 'name'])
        .doUpdateSet((is) => ({ owner: is.ref('excluded.owner') }))
        .whereRef('aliases.owner', '=', 'excluded.owner')
        .whereRef('aliases.kind', '=', 'excluded.kind'),
    )
    .returning(['slot', 'scope', 'name'])
}

const CLAIM = statement((db, slot: string, scope: Serial, name: string, kind: Alias['kind'], owner: Serial) =>
  claiming(db, [{ slot, scope, name, kind, owner }]),
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

  async claim(alias: Alias): Promise<void> {
    const claimed = await this.#session.first(claimOne(this.#session, alias))
    if (claimed === undefined) throw conflict('alias', alias.slot)
    await this.#changed(alias.kind, alias.owner)
  }

  async claimMany(aliases: readonly Alias[]): Promise<void> {
    const pause = pauses()
    await this.#session.savepoint(async () => {
      for (const some of slices(aliases, Math.min(this.#session.dialect.bulkRows, CLAIMED))) {
        const [only] = some.length === 1 ? some : []
        const query = only ? claimOne(this.#session, only) : claiming(this.#session.compiler, some).compile()
        const claimed = await this.#session.all(query)
        await pause()
        if (claimed.length === some.length) continue
        const names = new Set(claimed.map(nameOf))
        throw conflict('alias', some.find((alias) => !names.has(nameOf(alias)))?.slot ?? 'name')
      }
    })
    for (const { kind, owner } of aliases) await this.#changed(kind, owner)
  }

  async release(kind: Alias['kind'], owner: Serial): Promise<void> {
    await this.#session.run(RELEASE(this.#session, kind, owner))
    await this.#changed(kind, owner)
  }

  async find(slot: string, scope: Serial, name: string): Promise<Alias | undefined> {
    const row = await this.#session.first(FIND(this.#session, slot, scope, name))
    return row && toAlias(row)
  }

  async listNamed(names: readonly Name[]): Promise<Alias[]> {
    const found: Alias[] = []
    const groups = Map.groupBy(names, ({ slot, scope }) => JSON.stringify([slot, scope]))
    for (const group of groups.values())
      for (const some of slices(group)) {
        const [{ slot, scope } = { slot: '', scope: 0 }] = some
        const query = this.#session.compiler
          .selectFrom('aliases')
          .selectAll()
          .where('slot', '=', slot)
          .where('scope', '=', scope)
          .where(
            'name',
            'in',
            some.map(({ name }) => name),
          )
        found.push(...(await this.#session.all(query.compile())).map(toAlias))
      }
    return found
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

function claimOne(session: Session, { slot, scope, name, kind, owner }: Alias) {
  return CLAIM(session, slot, scope, name, kind, owner)
}

function nameOf({ slot, scope, name }: Name): string {
  return JSON.stringify([slot, scope, name])
}

function toAlias({ slot, scope, name, kind, owner }: Row<'aliases'>): Alias {
  return { slot, scope, name, kind, owner }
}
