import type { Core } from '../core/create-core.ts'
import { isOtaError } from '../core/errors.ts'
import { SYSTEM } from '../core/event/event.ts'
import type { Config } from './config/settings.ts'

/**
 * Makes the first account, a server administrator, when there is none, and an organisation `default` that it owns.
 * Answers its password when that was made up here, so that it can be printed once.
 */
export async function ensureOwner(core: Core, config: Pick<Config, 'ownerEmail' | 'ownerPassword'>) {
  if ((await core.deps.storage.read.accounts.count()) > 0) return undefined
  const password = config.ownerPassword ?? core.deps.ids.token(20)
  const account = await createFirst(core, { email: config.ownerEmail, password })
  if (!account) return undefined
  const organisation = await core.organisations.create(SYSTEM, { key: 'default', name: 'Default' })
  await core.accounts.setRole({ actor: SYSTEM, organisation: organisation.serial }, account.id, 'owner')
  return config.ownerPassword === undefined ? password : undefined
}

/** undefined when another process that starts at the same time was first. */
async function createFirst(core: Core, { email, password }: { email: string; password: string }) {
  try {
    return await core.accounts.create(SYSTEM, { email, password, isAdministrator: true })
  } catch (error) {
    if (isOtaError(error, 'conflict')) return undefined
    throw error
  }
}
