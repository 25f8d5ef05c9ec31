import { BoundedMap } from '../bounded-map.ts'
import type { Id, Serial } from '../common.ts'
import { loadGroupFacts } from '../device/group-facts.ts'
import { PollCache } from '../device/poll-cache.ts'
import type { DeviceGateway, GroupDecision, GroupFacts } from '../device-gateway.ts'
import type { Storage } from '../ports.ts'

/** Groups that are held in memory. */
const CAPACITY = 10_000

/** Groups that call as one, and what their members are meant to run. */
export function createGroups(storage: Storage): Pick<DeviceGateway, 'findGroup' | 'currentForGroup'> {
  const groups = new PollCache<GroupFacts>(storage, CAPACITY, 'fleet')
  const serials = new BoundedMap<Id, Serial>(CAPACITY)

  async function factsOf(serial: Serial): Promise<GroupFacts | undefined> {
    const load = async () => {
      const value = await loadGroupFacts(storage.read, serial)
      return value && { organisation: value.organisation.serial, value }
    }
    return groups.get(serial) ?? (await groups.load(serial, load))
  }

  return {
    async findGroup(id) {
      const known = serials.get(id)
      const held = known === undefined ? undefined : await factsOf(known)
      if (held) return held
      const group = await storage.read.groups.findByIdOnServer(id)
      if (!group) return undefined
      serials.set(id, group.serial)
      return factsOf(group.serial)
    },
    currentForGroup,
  }
}

function currentForGroup(facts: GroupFacts): GroupDecision {
  const { offer } = facts
  if (!offer) return { kind: 'none', because: 'nothing-assigned' }
  if (offer.files.some((file) => file.firmware.withdrawn)) return { kind: 'none', because: 'withdrawn' }
  if (facts.serverFrozen || facts.organisation.frozen) return { kind: 'none', because: 'frozen' }
  return { kind: 'update', offer }
}
