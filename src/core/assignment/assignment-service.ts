import type { Id, Millis, Serial } from '../common.ts'
import { invalid, notFound, OtaError } from '../errors.ts'
import type { Stores } from '../ports.ts'
import type { Release } from '../release/release.ts'
import { type ReleaseReference, resolveRelease } from '../release/release-service.ts'
import { recordFor, type Scope, type ServiceDeps } from '../service.ts'
import type { Assignment } from './assignment.ts'

export type TargetReference = { readonly device: string } | { readonly group: string }

export interface Assigned {
  readonly assignment: Assignment
  readonly release: Release
  /** Sentences for the operator: what may surprise. */
  readonly warnings: readonly string[]
}

export class AssignmentService {
  readonly #deps: ServiceDeps

  constructor(deps: ServiceDeps) {
    this.#deps = deps
  }

  /**
   * Pins a release to a device or group (by key or id), replacing what was pinned. Refuses withdrawn firmware and, for
   * devices with a product, releases of another one.
   */
  async assign(scope: Scope, target: TargetReference, reference: ReleaseReference): Promise<Assigned> {
    const result = await this.#deps.storage.transaction(async (stores) => {
      const release = await resolveRelease(stores, this.#deps, scope.organisation, reference)
      await refuseWithdrawn(stores, release)
      const { row, warnings } = await this.#target(stores, scope, { target, release })
      const assignment = await pin(stores, this.#deps, scope, { ...row, release })
      return { assignment, release, warnings }
    })
    const { device, group } = result.assignment
    this.#deps.notifier.assigned(device === null ? { group: group ?? 0 } : { device }, result.release.version)
    return result
  }

  /** Takes the assignment away; an update under way ends as it will. */
  async remove(scope: Scope, id: Id): Promise<void> {
    await this.#deps.storage.transaction(async (stores) => {
      const assignment = await stores.assignments.findById(scope.organisation, id)
      if (!assignment) throw notFound('assignment', id)
      await stores.assignments.delete(assignment.serial)
      const release = await stores.releases.find(assignment.release)
      const subject = { kind: 'assignment', id }
      const details = {
        ...(release && { release: release.id, version: release.version }),
        ...(await targetIds(stores, assignment)),
      }
      await recordFor(stores, this.#deps, scope, { type: 'assignment.removed', subject, details })
    })
  }

  async #target(stores: Stores, scope: Scope, what: { target: TargetReference; release: Release }) {
    const { target, release } = what
    if ('group' in target) {
      const group =
        (await stores.groups.findByKey(scope.organisation, target.group)) ??
        (await stores.groups.findById(scope.organisation, target.group))
      if (!group) throw notFound('group', target.group)
      return { row: { device: null, group: group.serial }, warnings: [] }
    }
    const device =
      (await stores.devices.findByKey(scope.organisation, target.device)) ??
      (await stores.devices.findById(scope.organisation, target.device))
    if (!device) throw notFound('device', target.device)
    if (release.product !== null && device.product !== null && release.product !== device.product)
      throw invalid('release', 'is for another product than the device')
    const warnings: string[] = []
    if (device.product === null && release.product !== null)
      warnings.push('The device has no product yet; it is offered the release once it has the right one.')
    if (device.group !== null)
      warnings.push(
        'The device is in a group: over protocols where it asks as a group member it ignores its own assignment.',
      )
    return { row: { device: device.serial, group: null }, warnings }
  }
}

async function refuseWithdrawn(stores: Stores, release: Release): Promise<void> {
  for (const serial of release.firmware) {
    const firmware = await stores.firmware.find(serial)
    if (firmware?.withdrawn) throw new OtaError('forbidden', `Version ${firmware.version} was withdrawn.`)
  }
}

/** Upserts the assignment row with its event; shared by operators' calls and deploys. */
export async function pin(
  stores: Stores,
  deps: ServiceDeps,
  scope: Scope,
  what: { device: Serial | null; group: Serial | null; release: Release; at?: Millis },
): Promise<Assignment> {
  const now = what.at ?? deps.clock.now()
  const held =
    what.device === null
      ? await stores.assignments.findByGroup(what.group ?? 0)
      : await stores.assignments.findByDevice(what.device)
  const before = held && (await stores.releases.find(held.release))
  const assignment = await stores.assignments.put({
    id: deps.ids.id(now),
    createdAt: now,
    organisation: scope.organisation,
    device: what.device,
    group: what.group,
    release: what.release.serial,
    assignedAt: now,
  })
  await recordFor(stores, deps, scope, {
    type: 'assignment.made',
    subject: { kind: 'assignment', id: assignment.id },
    details: {
      release: what.release.id,
      version: what.release.version,
      before: before?.version ?? null,
      ...(await targetIds(stores, what)),
    },
  })
  return assignment
}

async function targetIds(
  stores: Stores,
  target: { readonly device: Serial | null; readonly group: Serial | null },
): Promise<{ device?: Id; group?: Id }> {
  const device = target.device === null ? undefined : await stores.devices.find(target.device)
  const group = target.group === null ? undefined : await stores.groups.find(target.group)
  return { ...(device && { device: device.id }), ...(group && { group: group.id }) }
}
