import type { Id, Serial } from '../common.ts'
import { notFound } from '../errors.ts'
import { dropPrivateFirmware } from '../firmware/deploy-service.ts'
import type { Stores } from '../ports.ts'
import { changed, difference, recordFor, type Scope, type ServiceDeps } from '../service.ts'
import { requireKey, requireText } from '../validate.ts'
import type { Device, DeviceGroup } from './device.ts'
import { findDevice } from './device-service.ts'

export interface GroupInput {
  /** The id unless given. */
  readonly key?: string
  readonly name?: string
  readonly id?: Id
}

export class GroupService {
  readonly #deps: ServiceDeps

  constructor(deps: ServiceDeps) {
    this.#deps = deps
  }

  async create(scope: Scope, input: GroupInput): Promise<DeviceGroup> {
    const { storage } = this.#deps
    return storage.transaction((stores) => this.insert(stores, scope, input))
  }

  /** As `create`, inside a transaction of the caller's. */
  async insert(stores: Stores, scope: Scope, input: GroupInput): Promise<DeviceGroup> {
    const now = this.#deps.clock.now()
    const id = input.id ?? this.#deps.ids.id(now)
    const key = requireKey('key', input.key ?? id)
    const group = await stores.groups.insert({
      id,
      createdAt: now,
      organisation: scope.organisation,
      key,
      name: requireText('name', input.name ?? key),
    })
    await recordFor(stores, this.#deps, scope, {
      type: 'group.created',
      subject: { kind: 'group', id },
      details: { key },
    })
    return group
  }

  async update(scope: Scope, reference: string, patch: { name?: string }, ifRevision?: number): Promise<DeviceGroup> {
    return this.#deps.storage.transaction(async (stores) => {
      const before = await findGroup(stores, scope.organisation, reference)
      if (patch.name !== undefined) requireText('name', patch.name)
      const after = changed(await stores.groups.update(before.serial, patch, ifRevision))
      const subject = { kind: 'group', id: before.id }
      await recordFor(stores, this.#deps, scope, { type: 'group.changed', subject, details: difference(before, patch) })
      return after
    })
  }

  /**
   * Takes devices (by key or id) in and out, all of them or none. One that is to be taken in leaves the group that it is
   * in; one that is to be taken out and is not in is left alone.
   */
  async changeMembers(
    scope: Scope,
    reference: string,
    change: { readonly add: readonly string[]; readonly remove: readonly string[] },
  ): Promise<void> {
    await this.#deps.storage.transaction(async (stores) => {
      const group = await findGroup(stores, scope.organisation, reference)
      for (const one of change.remove) {
        const device = await findDevice(stores, scope.organisation, one)
        if (device.group === group.serial) await this.#move(stores, scope, { device, group, isIn: false })
      }
      for (const one of change.add) {
        const device = await findDevice(stores, scope.organisation, one)
        if (device.group !== group.serial) await this.#move(stores, scope, { device, group, isIn: true })
      }
    })
  }

  async #move(
    stores: Stores,
    scope: Scope,
    what: { device: Device; group: DeviceGroup; isIn: boolean },
  ): Promise<void> {
    const { device, group, isIn } = what
    await stores.devices.update(device.serial, { group: isIn ? group.serial : null })
    await recordFor(stores, this.#deps, scope, {
      type: isIn ? 'group.member-added' : 'group.member-removed',
      subject: { kind: 'group', id: group.id },
      details: { device: device.id, key: device.key },
    })
  }

  /** Its members stay, without a group; its assignment and unused private firmware go. */
  async delete(scope: Scope, reference: string): Promise<void> {
    await this.#deps.storage.transaction(async (stores) => {
      const group = await findGroup(stores, scope.organisation, reference)
      const assignment = await stores.assignments.findByGroup(group.serial)
      await stores.devices.clearGroup(group.serial)
      await stores.groups.delete(group.serial)
      if (assignment) await dropPrivateFirmware(stores, assignment.release)
      const subject = { kind: 'group', id: group.id }
      await recordFor(stores, this.#deps, scope, { type: 'group.deleted', subject, details: { key: group.key } })
    })
  }

  get(organisation: Serial, reference: string): Promise<DeviceGroup> {
    return findGroup(this.#deps.storage.read, organisation, reference)
  }
}

/** By key or id, within the organisation. Throws `not-found`. */
export async function findGroup(stores: Stores, organisation: Serial, reference: string): Promise<DeviceGroup> {
  const group =
    (await stores.groups.findByKey(organisation, reference)) ?? (await stores.groups.findById(organisation, reference))
  if (!group) throw notFound('group', reference)
  return group
}
