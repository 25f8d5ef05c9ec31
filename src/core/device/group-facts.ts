import type { Serial } from '../common.ts'
import type { GroupFacts } from '../device-gateway.ts'
import type { Stores } from '../ports.ts'
import { loadOffer, SERVER_FROZEN } from './device-facts.ts'

/** Reads the facts of one group; undefined when it is gone. */
export async function loadGroupFacts(stores: Stores, serial: Serial): Promise<GroupFacts | undefined> {
  const group = await stores.groups.find(serial)
  const organisation = group && (await stores.organisations.find(group.organisation))
  if (!group || !organisation) return undefined
  const [credentials, frozen, assignment] = await Promise.all([
    stores.credentials.listByGroup(serial),
    stores.settings.get(SERVER_FROZEN),
    stores.assignments.findByGroup(serial),
  ])
  const offer = await loadOffer(stores, assignment, () => stores.assignments.findByGroup(serial))
  return { group, organisation, credentials, serverFrozen: frozen === 'on', ...(offer && { offer }) }
}
