import type { Account } from '../core/account/account.ts'
import { OtaError } from '../core/errors.ts'
import type { Stores } from '../core/ports.ts'
import { type Caller, isAdministrator, roleIn } from './caller.ts'

/**
 * Throws `forbidden` when the account is of other people's organisations alone, or an administrator's: a membership changes where its logins
 * lead and who may set its password, so that only a server administrator, or an owner of both, may add one.
 */
export async function refuseStranger(stores: Stores, caller: Caller, account: Account): Promise<void> {
  if (isAdministrator(caller)) return
  const memberships = await stores.memberships.listByAccount(account.serial)
  if (memberships.length === 0 && !account.isAdministrator) return
  for (const { organisation } of caller.members)
    if (roleIn(caller, organisation) === 'owner' && memberships.some((one) => one.organisation === organisation.serial))
      return
  throw new OtaError('forbidden', 'The account belongs elsewhere; a server administrator must take it in.')
}
