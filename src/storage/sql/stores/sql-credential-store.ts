import type { Millis, New, Patch, Serial } from '../../../core/common.ts'
import type { Credential } from '../../../core/device/device.ts'
import type { CredentialStore } from '../../../core/device/device-store.ts'
import type { Session } from '../session.ts'
import { slices } from '../slice.ts'
import { statement } from '../statement.ts'
import { CREDENTIALS } from './device-rows.ts'

const FIND_BY_HASH = statement((db, scheme: string, hash: string) =>
  db
    .selectFrom('credentials')
    .selectAll()
    .where('scheme', '=', scheme)
    .where('hash', '=', hash)
    .where('sealed', 'is', null),
)
const LIST_BY_DEVICE = statement((db, device: Serial) =>
  db.selectFrom('credentials').selectAll().where('device', '=', device).orderBy('serial'),
)
const LIST_BY_GROUP = statement((db, group: Serial) =>
  db.selectFrom('credentials').selectAll().where('device_group', '=', group).orderBy('serial'),
)
const DELETE = statement((db, serial: Serial) =>
  db.deleteFrom('credentials').where('serial', '=', serial).returning(['device', 'organisation']),
)
const DELETE_EXPIRED = statement((db, before: Millis) =>
  db.deleteFrom('credentials').where('expires_at', '<', before).returning(['device', 'organisation']),
)

export class SqlCredentialStore implements CredentialStore {
  readonly #session: Session

  constructor(session: Session) {
    this.#session = session
  }

  async insert(row: New<Credential>): Promise<Credential> {
    const credential = await CREDENTIALS.insert(this.#session, row)
    this.#session.changes.target(credential)
    return credential
  }

  async insertMany(rows: readonly New<Credential>[]): Promise<Credential[]> {
    const credentials = await CREDENTIALS.insertMany(this.#session, rows)
    for (const credential of credentials) this.#session.changes.target(credential)
    return credentials
  }

  find(serial: Serial): Promise<Credential | undefined> {
    return CREDENTIALS.find(this.#session, serial)
  }

  findByHash(scheme: string, hash: string): Promise<Credential | undefined> {
    return CREDENTIALS.one(this.#session, FIND_BY_HASH(this.#session, scheme, hash))
  }

  async listByHashes(scheme: string, hashes: readonly string[]): Promise<Credential[]> {
    const found: Credential[] = []
    for (const some of slices(hashes)) {
      const query = this.#session.compiler
        .selectFrom('credentials')
        .selectAll()
        .where('scheme', '=', scheme)
        .where('hash', 'in', some)
        .where('sealed', 'is', null)
      found.push(...(await CREDENTIALS.many(this.#session, query.compile())))
    }
    return found
  }

  async listByDevice(device: Serial, scheme?: string): Promise<Credential[]> {
    return ofScheme(await CREDENTIALS.many(this.#session, LIST_BY_DEVICE(this.#session, device)), scheme)
  }

  async listByGroup(group: Serial, scheme?: string): Promise<Credential[]> {
    return ofScheme(await CREDENTIALS.many(this.#session, LIST_BY_GROUP(this.#session, group)), scheme)
  }

  async listSchemes(devices: readonly Serial[]): Promise<Array<{ device: Serial; scheme: string }>> {
    const found: Array<{ device: Serial; scheme: string }> = []
    for (const some of slices([...new Set(devices)])) {
      const query = this.#session.compiler
        .selectFrom('credentials')
        .select(['device', 'scheme'])
        .where('device', 'in', some)
        .orderBy('device')
        .orderBy('serial')
      for (const { device, scheme } of await this.#session.all(query.compile()))
        if (device !== null) found.push({ device, scheme })
    }
    return found
  }

  async update(serial: Serial, patch: Patch<Credential>): Promise<Credential | undefined> {
    const credential = await CREDENTIALS.change(this.#session, serial, { patch })
    if (credential) this.#session.changes.target(credential)
    return credential
  }

  async delete(serial: Serial): Promise<void> {
    const deleted = await this.#session.first(DELETE(this.#session, serial))
    if (deleted) this.#session.changes.target(deleted)
  }

  async deleteExpired(before: Millis): Promise<number> {
    const deleted = await this.#session.all(DELETE_EXPIRED(this.#session, before))
    for (const row of deleted) this.#session.changes.target(row)
    return deleted.length
  }
}

/** An owner has a handful of credentials: one statement serves both questions. */
function ofScheme(credentials: Credential[], scheme: string | undefined): Credential[] {
  return scheme === undefined ? credentials : credentials.filter((credential) => credential.scheme === scheme)
}
