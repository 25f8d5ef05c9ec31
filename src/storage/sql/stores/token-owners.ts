import { sql } from 'kysely'
import type { TokenOwner } from '../../../core/device/device-store.ts'
import type { Compiler } from '../compiler.ts'
import type { Session } from '../session.ts'
import { statement, statementOfRows } from '../statement.ts'

const owners = (db: Compiler, scheme: string) =>
  db
    .selectFrom('credentials')
    .innerJoin('devices', 'devices.serial', 'credentials.device')
    .select([
      sql.ref<string>('credentials.hash').as('hash'),
      'credentials.expires_at',
      'devices.serial',
      'devices.id',
      'devices.key',
      'devices.organisation',
    ])
    .where('scheme', '=', scheme)
    .where('sealed', 'is', null)

const OWNER = statement((db, scheme: string, hash: string) => owners(db, scheme).where('hash', '=', hash))
const OWNERS = statementOfRows({ hash: 'text' }, ({ compiler, given }, scheme: string) =>
  owners(compiler, scheme).where('hash', 'in', sql<string>`(select given.hash from ${given})`),
)

/** See `DeviceStore.listByTokens`. */
export async function tokenOwners(session: Session, scheme: string, hashes: readonly string[]): Promise<TokenOwner[]> {
  const distinct = [...new Set(hashes)]
  const rows = distinct.map((hash) => ({ hash }))
  const all = OWNERS(session, rows, scheme)
  if (all) return (await session.all(all)).map(toOwner)
  const found: TokenOwner[] = []
  for (const hash of distinct) {
    const owner = await session.first(OWNER(session, scheme, hash))
    if (owner) found.push(toOwner(owner))
  }
  return found
}

type Row = Awaited<ReturnType<ReturnType<typeof owners>['executeTakeFirstOrThrow']>>

function toOwner({ hash, expires_at, serial, id, key, organisation }: Row): TokenOwner {
  return { hash, expiresAt: expires_at, device: { serial, id, key, organisation } }
}
