import type { OnceStore } from '../../../core/access/access-store.ts'
import type { Millis } from '../../../core/common.ts'
import type { Session } from '../session.ts'
import { statement } from '../statement.ts'

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

  deleteExpired(before: Millis): Promise<number> {
    return this.#session.run(DELETE_EXPIRED(this.#session, before))
  }
}
