import { randomBytes } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'

/** Every secret of a run, by what it is; none of them may be written anywhere. */
export class Secrets {
  readonly #known = new Map<string, string>()

  /** Notes a secret and hands it on. */
  note(name: string, value: string): string {
    if (value.length < 8) throw new Error(`${name} is too short to be told from other text`)
    this.#known.set(name, value)
    return value
  }

  /** A secret of one's own making; `chars` of letters and digits. */
  make(name: string, chars = 24): string {
    return this.note(name, randomBytes(chars).toString('hex').slice(0, chars))
  }

  get size(): number {
    return this.#known.size
  }

  /** Names of those that stand in a text, as they are or encoded. */
  in(text: string): string[] {
    return [...this.#known]
      .filter(([, value]) =>
        [
          value,
          encodeURIComponent(value),
          JSON.stringify(value).slice(1, -1),
          Buffer.from(value).toString('base64'),
        ].some((shape) => text.includes(shape)),
      )
      .map(([name]) => name)
  }
}

/** Everything sealed or hashed in an embedded database. */
export function noteSealed(secrets: Secrets, file: string): void {
  const database = new DatabaseSync(file, { readOnly: true })
  for (const [table, column] of [
    ['credentials', 'sealed'],
    ['access_keys', 'sealed_secret'],
    ['access_tokens', 'sealed'],
    ['accounts', 'password_hash'],
  ])
    for (const row of database.prepare(`select ${column} as value from ${table} where ${column} is not null`).all())
      secrets.note(`${table}.${column} ${secrets.size}`, String(row['value']))
  database.close()
}
