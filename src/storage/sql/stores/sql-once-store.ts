import { sql } from 'kysely'
import type { OnceStore } from '../../../core/access/access-store.ts'
import type { Millis } from '../../../core/common.ts'
import type { Session } from '../session.ts'
import { bulkStatement, statement } from '../statement.ts'

// One statement inserts a claim or takes over an expired one, so that of two callers one gets the row.
const CLAIM = statement((db, purpose: string, key: string, now: Millis, expiresAt: Millis) =>
  db
    .insertInto('once')
    .values({ purpose, key, expires_at: expiresAt })
    .onConflict((on) =>
      on
        .columns(['purpose', 'key'])
        .doUpdateSet((is) => ({ expires_at: is.ref('excluded.expires_at') }))
        .where('once.expires_at', '<=', now),
    )
    .returning('purpose'),
)
// In the order of the keys, so that two at once wait for each other in the same order.
const CLAIM_ALL = bulkStatement(({ compiler, given }, rows: string, purpose: string, now: Millis, expiresAt: Millis) =>
  compiler
    .insertInto('once')
    .columns(['purpose', 'key', 'expires_at'])
    .expression(
      sql`select cast(${purpose} as text), given.key, cast(${expiresAt} as bigint)
          from ${given(rows, { key: 'text' })} order by given.key`,
    )
    .onConflict((on) =>
      on
        .columns(['purpose', 'key'])
        .doUpdateSet((is) => ({ expires_at: is.ref('excluded.expires_at') }))
        .where('once.expires_at', '<=', now),
    )
    .returning('key'),
)
const DELETE_EXPIRED = statement((db, before: Millis) => db.deleteFrom('once').where('expires_at', '<', before))

export class SqlOnceStore implements OnceStore {
  readonly #session: Session

  constructor(session: Session) {
    this.#session = session
  }

  async claim(purpose: string, key: string, times: { now: Millis; expiresAt: Millis }): Promise<boolean> {
    const claim = CLAIM(this.#session, purpose, key, times.now, times.expiresAt)
    return (await this.#session.first(claim)) !== undefined
  }

  async claimAll(
    purpose: string,
    keys: readonly string[],
    times: { now: Millis; expiresAt: Millis },
  ): Promise<ReadonlySet<string>> {
    const rows = JSON.stringify(keys.map((key) => ({ key })))
    const claims = CLAIM_ALL(this.#session, rows, purpose, times.now, times.expiresAt)
    if (claims) return new Set((await this.#session.all(claims)).map(({ key }) => key))
    const claimed = new Set<string>()
    for (const key of keys) if (await this.claim(purpose, key, times)) claimed.add(key)
    return claimed
  }

  deleteExpired(before: Millis): Promise<number> {
    return this.#session.run(DELETE_EXPIRED(this.#session, before))
  }
}
