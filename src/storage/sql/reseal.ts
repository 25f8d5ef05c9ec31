import { OtaError } from '../../core/errors.ts'
import type { Session } from './session.ts'

/** Gives a sealed text back under the new key; `context` is what it was sealed with. */
export type Reseal = (sealed: string, context: string) => string

/** Rows that are read at a time. */
const PAGE = 1_000

/**
 * Writes every sealed value of the database anew and returns how many there were. The session must be a transaction:
 * all of them change together. What is sealed where stands here and nowhere else; a test holds it against the schema.
 */
export async function resealAll(session: Session, reseal: Reseal): Promise<number> {
  return (
    (await credentials(session, reseal)) +
    (await accessKeys(session, reseal)) +
    (await accessTokens(session, reseal)) +
    (await idempotentReplies(session, reseal)) +
    (await webhooks(session, reseal)) +
    (await masterKeyCheck(session, reseal))
  )
}

/** `table.column` of every sealed value. */
export const SEALED_COLUMNS = [
  'credentials.sealed',
  'access_keys.sealed_secret',
  'access_tokens.sealed',
  'idempotency.body',
  'webhooks.sealed_secret',
  'webhooks.sealed_former',
  'settings.value',
] as const

async function credentials(session: Session, reseal: Reseal): Promise<number> {
  const { compiler } = session
  let count = 0
  for (let after = 0; ; ) {
    const rows = await session.all(
      compiler
        .selectFrom('credentials')
        .select(['serial', 'scheme', 'sealed'])
        .where('sealed', 'is not', null)
        .where('serial', '>', after)
        .orderBy('serial')
        .limit(PAGE)
        .compile(),
    )
    for (const { serial, scheme, sealed } of rows) {
      if (sealed === null) continue
      const renewed = reseal(sealed, `credential/${scheme}`)
      await session.run(
        compiler.updateTable('credentials').set({ sealed: renewed }).where('serial', '=', serial).compile(),
      )
      after = serial
      count += 1
    }
    if (rows.length < PAGE) return count
  }
}

async function accessKeys(session: Session, reseal: Reseal): Promise<number> {
  const { compiler } = session
  const rows = await session.all(compiler.selectFrom('access_keys').select(['serial', 'sealed_secret']).compile())
  for (const { serial, sealed_secret } of rows) {
    const renewed = { sealed_secret: reseal(sealed_secret, 'access-key') }
    await session.run(compiler.updateTable('access_keys').set(renewed).where('serial', '=', serial).compile())
  }
  return rows.length
}

async function accessTokens(session: Session, reseal: Reseal): Promise<number> {
  const { compiler } = session
  const rows = await session.all(compiler.selectFrom('access_tokens').select(['hash', 'sealed']).compile())
  for (const { hash, sealed } of rows) {
    const renewed = { sealed: reseal(sealed, 'access-token') }
    await session.run(compiler.updateTable('access_tokens').set(renewed).where('hash', '=', hash).compile())
  }
  return rows.length
}

async function idempotentReplies(session: Session, reseal: Reseal): Promise<number> {
  const { compiler } = session
  const rows = await session.all(compiler.selectFrom('idempotency').select(['account', 'key', 'body']).compile())
  for (const { account, key, body } of rows) {
    const renewed = { body: reseal(body, 'idempotent-reply') }
    await session.run(
      compiler.updateTable('idempotency').set(renewed).where('account', '=', account).where('key', '=', key).compile(),
    )
  }
  return rows.length
}

async function webhooks(session: Session, reseal: Reseal): Promise<number> {
  const { compiler } = session
  const columns = ['serial', 'sealed_secret', 'sealed_former'] as const
  const rows = await session.all(compiler.selectFrom('webhooks').select(columns).compile())
  let count = 0
  for (const { serial, sealed_secret, sealed_former } of rows) {
    const renewed = {
      sealed_secret: reseal(sealed_secret, 'webhook'),
      sealed_former: sealed_former === null ? null : reseal(sealed_former, 'webhook'),
    }
    await session.run(compiler.updateTable('webhooks').set(renewed).where('serial', '=', serial).compile())
    count += sealed_former === null ? 1 : 2
  }
  return count
}

const CHECK = 'master-key-check'

async function masterKeyCheck(session: Session, reseal: Reseal): Promise<number> {
  const { compiler } = session
  const row = await session.first(compiler.selectFrom('settings').select('value').where('name', '=', CHECK).compile())
  if (row === undefined) throw new OtaError('internal', 'The database has no value to check the master key against.')
  const renewed = { value: reseal(row.value, CHECK) }
  await session.run(compiler.updateTable('settings').set(renewed).where('name', '=', CHECK).compile())
  return 1
}
