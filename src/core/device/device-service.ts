import type { Aliases, Id, Labels, Serial } from '../common.ts'
import { invalid, notFound, OtaError } from '../errors.ts'
import { withKeys } from '../event/with-keys.ts'
import { dropPrivateFirmware } from '../firmware/deploy-service.ts'
import type { Stores } from '../ports.ts'
import { leaveRollouts } from '../rollout/leave-rollouts.ts'
import { changed, difference, recordFor, type Scope, type ServiceDeps } from '../service.ts'
import { endUnfitUpdate } from '../update/end-unfit.ts'
import { requireKey, requireLabels, requireSerial, requireText } from '../validate.ts'
import { claimAliases, deviceNames } from './claim-aliases.ts'
import type { CredentialInput, CredentialService } from './credential-service.ts'
import type { Device } from './device.ts'

export interface DeviceInput {
  /** The id unless given. */
  readonly key?: string
  readonly name?: string
  readonly id?: Id
  /** A fixed number, for devices that know it. */
  readonly serial?: Serial
  /** Serial; undefined = the organisation's default product. */
  readonly product?: Serial | null
  readonly group?: Serial | null
  readonly tags?: Labels
  readonly attributes?: Labels
  readonly aliases?: Aliases
  readonly credentials?: readonly CredentialInput[]
}

export type DevicePatch = Partial<
  Pick<Device, 'name' | 'product' | 'group' | 'status' | 'tags' | 'attributes' | 'aliases'>
>

export class DeviceService {
  readonly #deps: ServiceDeps
  readonly #credentials: CredentialService

  constructor(deps: ServiceDeps, credentials: CredentialService) {
    this.#deps = deps
    this.#credentials = credentials
  }

  /** Throws `conflict` (details.field) for a taken key, id, number or vendor name, `limit-reached` at the organisation's limit. */
  async create(scope: Scope, input: DeviceInput): Promise<Device> {
    return this.#deps.storage.transaction((stores) => this.insert(stores, scope, input))
  }

  /** As `create`, inside a transaction of the caller's. */
  async insert(stores: Stores, scope: Scope, input: DeviceInput): Promise<Device> {
    await claimDevices(stores, this.#deps, { organisation: scope.organisation, count: 1 })
    const organisation = await stores.organisations.find(scope.organisation)
    const product = input.product === undefined ? (organisation?.defaultProduct ?? null) : input.product
    const device = await stores.devices.insert(this.row(scope.organisation, { ...input, product }))
    await this.#claim(stores, device)
    for (const credential of input.credentials ?? [])
      await this.#credentials.add(stores, scope, { device: device.serial }, credential)
    const subject = { kind: 'device', id: device.id }
    const group = device.group === null ? undefined : await stores.groups.find(device.group)
    const details = {
      key: device.key,
      product: (device.product !== null && (await stores.products.find(device.product))?.key) || null,
      ...(group && { group: group.key }),
    }
    await recordFor(stores, this.#deps, scope, { type: 'device.created', subject, details })
    return device
  }

  /** A checked row, ready for a (bulk) insert. */
  row(organisation: Serial, input: DeviceInput & { product: Serial | null }) {
    const { clock, ids, limits } = this.#deps
    const now = clock.now()
    const id = input.id ?? ids.id(now)
    const key = requireKey('key', input.key ?? id)
    return {
      id,
      createdAt: now,
      organisation,
      key,
      name: requireText('name', input.name ?? key),
      product: input.product,
      group: input.group ?? null,
      status: 'active',
      tags: requireLabels('tags', input.tags ?? {}, limits),
      attributes: requireLabels('attributes', input.attributes ?? {}, limits),
      aliases: input.aliases ?? {},
      lastSeenAt: null,
      ...(input.serial !== undefined && { serial: requireSerial('number', input.serial) }),
    } satisfies Omit<Device, 'serial' | 'revision'> & { serial?: Serial }
  }

  async update(scope: Scope, reference: string, patch: DevicePatch, ifRevision?: number): Promise<Device> {
    return this.#deps.storage.transaction(async (stores) => {
      const before = await findDevice(stores, scope.organisation, reference)
      await this.#checkPatch(stores, scope, patch)
      const after = changed(await stores.devices.update(before.serial, patch, ifRevision))
      if (patch.aliases || patch.product !== undefined) await this.#claim(stores, after)
      await endUnfitUpdate(stores, this.#deps, { before, after, actor: scope.actor })
      const subject = { kind: 'device', id: before.id }
      await recordFor(stores, this.#deps, scope, {
        type: 'device.changed',
        subject,
        details: await withKeys(stores, difference(before, patch)),
      })
      return after
    })
  }

  /** With its credentials, assignment, updates and unused private firmware. */
  async delete(scope: Scope, reference: string): Promise<void> {
    await this.#deps.storage.transaction(async (stores) => {
      const device = await findDevice(stores, scope.organisation, reference)
      if (!(await stores.devices.lock(device.serial))) throw notFound('device', reference)
      const assignment = await stores.assignments.findByDevice(device.serial)
      const updates = await stores.updates.list(
        { organisation: scope.organisation, device: device.serial },
        { limit: 1000 },
      )
      await stores.aliases.release('device', device.serial)
      await leaveRollouts(stores, device.serial)
      await stores.devices.delete(device.serial)
      await stores.tallies.add(scope.organisation, DEVICES, { by: -1 })
      const releases = new Set(updates.map((update) => update.release))
      if (assignment) releases.add(assignment.release)
      for (const release of releases) await dropPrivateFirmware(stores, release)
      const subject = { kind: 'device', id: device.id }
      await recordFor(stores, this.#deps, scope, { type: 'device.deleted', subject, details: { key: device.key } })
    })
  }

  get(organisation: Serial, reference: string): Promise<Device> {
    return findDevice(this.#deps.storage.read, organisation, reference)
  }

  async #checkPatch(stores: Stores, scope: Scope, patch: DevicePatch): Promise<void> {
    if (patch.name !== undefined) requireText('name', patch.name)
    if (patch.tags) requireLabels('tags', patch.tags, this.#deps.limits)
    if (patch.attributes) requireLabels('attributes', patch.attributes, this.#deps.limits)
    if (patch.product != null && (await stores.products.find(patch.product))?.organisation !== scope.organisation)
      throw invalid('product', 'does not exist')
    if (patch.group != null && (await stores.groups.find(patch.group))?.organisation !== scope.organisation)
      throw invalid('group', 'does not exist')
  }

  #claim(stores: Stores, device: Device): Promise<void> {
    return claimAliases(stores, deviceNames(device), device.aliases)
  }
}

/** By key or id, within the organisation. Throws `not-found`. */
export async function findDevice(stores: Stores, organisation: Serial, reference: string): Promise<Device> {
  const device =
    (await stores.devices.findByKey(organisation, reference)) ??
    (await stores.devices.findById(organisation, reference))
  if (!device) throw notFound('device', reference)
  return device
}

/** The tally of an organisation's devices. */
export const DEVICES = 'devices'

/** Counts new devices against the organisation's limit, in one statement. Throws `limit-reached`. */
export async function claimDevices(
  stores: Stores,
  { limits }: Pick<ServiceDeps, 'limits'>,
  claim: { organisation: Serial; count: number },
): Promise<void> {
  const limit = limits.devicesPerOrganisation
  if (await stores.tallies.add(claim.organisation, DEVICES, { by: claim.count, limit })) return
  throw new OtaError('limit-reached', `An organisation has at most ${limit} devices here.`)
}
