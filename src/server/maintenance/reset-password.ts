import { notFound } from '../../core/errors.ts'
import { SYSTEM } from '../../core/event/event.ts'
import type { Config } from '../config/settings.ts'
import { openCore } from '../start-server.ts'
import { requireStopped } from './require-stopped.ts'

/**
 * Sets an account's password without knowing the old one, unlocks it and ends its logins. `password` undefined: one is
 * made. Answers the password. The embedded database must not be open elsewhere. Throws `not-found` for an unknown
 * address.
 */
export async function resetPassword(config: Config, email: string, password: string | undefined): Promise<string> {
  requireStopped(config)
  const { core, storage } = await openCore(config)
  try {
    const account = await core.accounts.findByEmail(email)
    if (!account) throw notFound('account', email)
    const chosen = password ?? core.deps.ids.token(20)
    await core.accounts.setPassword(SYSTEM, account.id, chosen)
    return chosen
  } finally {
    await storage.close()
  }
}
