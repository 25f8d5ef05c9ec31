import type { SettingStore } from '../../../core/ports.ts'
import type { Session } from '../session.ts'
import { statement } from '../statement.ts'

const GET = statement((db, name: string) => db.selectFrom('settings').select('value').where('name', '=', name))
const SET = statement((db, name: string, value: string) =>
  db
    .insertInto('settings')
    .values({ name, value })
    .onConflict((on) => on.column('name').doUpdateSet((is) => ({ value: is.ref('excluded.value') }))),
)
const DELETE = statement((db, name: string) => db.deleteFrom('settings').where('name', '=', name))

export class SqlSettingStore implements SettingStore {
  readonly #session: Session

  constructor(session: Session) {
    this.#session = session
  }

  async get(name: string): Promise<string | undefined> {
    return (await this.#session.first(GET(this.#session, name)))?.value
  }

  async set(name: string, value: string): Promise<void> {
    await this.#session.run(SET(this.#session, name, value))
    this.#session.changes.fleet(null)
  }

  async delete(name: string): Promise<void> {
    if ((await this.#session.run(DELETE(this.#session, name))) > 0) this.#session.changes.fleet(null)
  }
}
