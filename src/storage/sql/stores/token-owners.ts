import { sql } from 'kysely'
import type { TokenOwner } from '../../../core/device/device-store.ts'
import type { Compiler } from '../compiler.ts'
import type { Session } from '../session.ts'
import { bulkStatement, statement } from '../statement.ts'

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
const OWNERS = bulkStatement(({ compiler, isOneOf }, scheme: string, hashes: readonly string[]) =>
  owners(compiler, scheme).where(isOneOf('hash', hashes, 'text')),
)

/** See `DeviceStore.listByTokens`. */
export async function tokenOwners(session: Session, scheme: string, hashes: readonly string[]): Promise<TokenOwner[]> {
  const distinct = [...new Set(hashes)]
  const all = OWNERS(session, scheme, distinct)
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
