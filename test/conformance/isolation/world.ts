import { join } from 'node:path'
import { SYSTEM } from '../../../src/core/event/event.ts'
import type { WebhookSender } from '../../../src/core/webhook/webhook-sender.ts'
import { createProtocols } from '../../../src/server/protocols.ts'
import { FilesystemBlobs } from '../../../src/storage/blob/filesystem-blobs.ts'
import { openSqlStorage } from '../../../src/storage/sql/open-storage.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { startTestServer, type TestServer, type TestServerOptions } from '../../support/test-server.ts'
import type { Attempt, Parties, Reply } from './case.ts'
import { type State, StateReader } from './state.ts'
import { makeTenant, PASSWORD, type Tenant } from './tenant.ts'

/** Calls of one device come faster here than those of any device. */
const UNTHROTTLED = { callsPerMinute: 1_000_000, artifactCallsPerMinute: 1_000_000, enrolmentsPerMinute: 1_000_000 }

const NUMBERS = 7_000_000_000
const NUMBERS_OF_ONE = 100_000
/** Tenants get names of equal length, of letters that stand in no word. */
const MARK_LETTERS = 'bcdfghjkqvwxz'

/** Receivers of webhooks, who take everything. */
const RECEIVERS: WebhookSender = {
  refusalOf: () => undefined,
  send: async () => ({ kind: 'answered', status: 204 }),
}

/** The whole server with every protocol over SQLite, and organisations in it. */
export class World {
  readonly server: TestServer
  readonly administrator: string
  /** Where blobs and temporary files are. */
  readonly folder: string
  readonly #reader: StateReader
  readonly #close: () => Promise<void>
  #tenants = 0
  #attempts = 0

  private constructor(
    server: TestServer,
    parts: { administrator: string; reader: StateReader; folder: string; close: () => Promise<void> },
  ) {
    this.server = server
    this.administrator = parts.administrator
    this.#reader = parts.reader
    this.#close = parts.close
    this.folder = parts.folder
  }

  static async open(options: Pick<TestServerOptions, 'http' | 'limits'> = {}): Promise<World> {
    const folder = await temporaryFolder()
    const file = join(folder.path, 'godwit.db')
    const storage = await openSqlStorage({ kind: 'sqlite', file })
    const server = await startTestServer({
      protocols: (host) => createProtocols(host, { native: UNTHROTTLED }, RECEIVERS),
      storage,
      blobs: await FilesystemBlobs.open(folder.path),
      listen: true,
      ...options,
    })
    const { core } = server
    const account = await core.accounts.create(SYSTEM, {
      email: 'root@server',
      password: PASSWORD,
      isAdministrator: true,
    })
    const { secret: administrator } = await core.apiTokens.create(SYSTEM, account, { name: 'root', scope: 'admin' })
    const reader = new StateReader(file)
    const close = async () => {
      reader.close()
      await server.close()
      await folder.remove()
    }
    return new World(server, { administrator, reader, folder: folder.path, close })
  }

  tenant(): Promise<Tenant> {
    this.#tenants += 1
    return makeTenant(this.server, markOf(this.#tenants), NUMBERS + this.#tenants * NUMBERS_OF_ONE)
  }

  /** What the database holds of these organisations and of nobody, signs of life included. */
  async state(...tenants: readonly Tenant[]): Promise<State> {
    await this.server.core.lastSeen.flush()
    return this.#reader.dump(tenants.map((tenant) => tenant.organisation.serial))
  }

  /** A timestamp for signatures: inside of every window, and never the same. */
  timestamp(): number {
    this.#attempts += 1
    return this.server.clock.now() + this.#attempts
  }

  parties(who: Tenant, target: Tenant, org: Tenant): Parties {
    return { who, target, org, bearer: who.bearer, timestamp: this.timestamp() }
  }

  async send(method: string, attempt: Attempt): Promise<Reply> {
    const { path, headers, body } = attempt
    const reply = await fetch(this.server.url + path, {
      method,
      redirect: 'manual',
      ...(headers && { headers }),
      ...(body !== undefined && { body: typeof body === 'string' ? body : new Uint8Array(body) }),
    })
    const text = Buffer.from(await reply.arrayBuffer()).toString('latin1')
    return { status: reply.status, headers: new Map(reply.headers), text }
  }

  async close(): Promise<void> {
    await this.#close()
  }
}

function markOf(number: number): string {
  let mark = ''
  for (let rest = number; mark.length < 6; rest = Math.floor(rest / MARK_LETTERS.length))
    mark += MARK_LETTERS[rest % MARK_LETTERS.length]
  return mark
}
