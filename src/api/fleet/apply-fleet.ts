import type { BlobDigests } from '../../core/blobs.ts'
import type { Serial } from '../../core/common.ts'
import type { Core, Services } from '../../core/create-core.ts'
import type { AskStyle } from '../../core/device-gateway.ts'
import { OtaError } from '../../core/errors.ts'
import type { Actor } from '../../core/event/event.ts'
import { type Joined, joinTransaction } from '../../core/join-transaction.ts'
import type { Organisation } from '../../core/organisation/organisation.ts'
import type { Stores } from '../../core/ports.ts'
import { previewStarts } from '../../core/rollout/preview/preview-starts.ts'
import type { Starts } from '../../core/rollout/preview/starts.ts'
import { applyDevice, applyGroup } from './apply-devices.ts'
import { applyAssignment, applyFirmware, applyRelease } from './apply-firmware.ts'
import { applyFloor } from './apply-floors.ts'
import { applyAccessKey, applyAccount, applyOrganisation, organisationFacts } from './apply-organisation.ts'
import { applyProduct } from './apply-products.ts'
import { applyRollout } from './apply-rollouts.ts'
import type { FleetOrganisation } from './fleet-file.ts'
import { atLine, type FleetChange, type FleetResult, type FleetRun } from './fleet-run.ts'
import type { ParsedFleet } from './parse-fleet-file.ts'
import { prune } from './prune.ts'

export interface ApplyOptions {
  readonly actor: Actor
  /** Digests of the files whose bytes are kept already, by the path in the text. */
  readonly files: ReadonlyMap<string, BlobDigests>
  /** Do everything, report it, and take it all back. */
  readonly dryRun?: boolean
  readonly prune?: boolean
  /** Throws `forbidden` when the actor may not make (undefined) or change this organisation. */
  readonly authorise: (organisation: Organisation | undefined) => Promise<void> | void
  /** Throws `forbidden` when the actor may not make this account, which exists, a member. Absent: it may. */
  readonly authoriseMember?: FleetRun['authoriseMember']
  /** How each protocol's devices ask, by scheme: which updates the changes would start depends on it. */
  readonly styles?: Readonly<Record<string, AskStyle>>
  /** Throws when these updates, of devices of these organisations, may not start. Absent: they may. */
  readonly confirm?: (starts: Starts, organisations: readonly Serial[]) => Promise<void>
}

/** Thrown to take a dry run back; never leaves this file. */
class DryRunDone extends Error {
  readonly result: FleetResult

  constructor(result: FleetResult) {
    super('dry run')
    this.result = result
  }
}

/**
 * Makes the server as the file describes it, in one transaction: all of it or nothing. A second run changes nothing.
 * What is refused names its line. Entries that the file does not name stay, unless `prune`.
 */
export async function applyFleet(core: Core, parsed: ParsedFleet, options: ApplyOptions): Promise<FleetResult> {
  let joined: Joined | undefined
  try {
    const result = await core.deps.storage.transaction(async (stores) => {
      joined = joinTransaction(core.deps, stores)
      const outcome = await applyAll({ core, stores, services: joined.services }, parsed, options)
      if (options.dryRun) throw new DryRunDone(outcome)
      await options.confirm?.(outcome.starts, outcome.organisations)
      return outcome
    })
    joined?.flush()
    return result
  } catch (error) {
    if (error instanceof DryRunDone) return error.result
    throw error
  }
}

interface Inside {
  readonly core: Core
  readonly stores: Stores
  readonly services: Services
}

async function applyAll(inside: Inside, parsed: ParsedFleet, options: ApplyOptions): Promise<FleetResult> {
  const running = await runningRollouts(inside.stores, parsed)
  const deviceChanges: FleetRun['deviceChanges'] = []
  const organisations: Serial[] = []
  const changes: FleetChange[] = []
  const secrets: FleetResult['secrets'][number][] = []
  const warnings: string[] = []
  for (const [index, wanted] of parsed.fleet.organisations.entries()) {
    const path = ['organisations', index]
    const existing = await inside.stores.organisations.findByKey(wanted.key)
    await atLine(parsed, path, async () => options.authorise(existing))
    const organisation = existing ?? (await atLine(parsed, path, () => make(inside.services, options.actor, wanted)))
    if (!existing) changes.push({ action: 'create', kind: 'organisation', what: wanted.key })
    organisations.push(organisation.serial)
    const run: FleetRun = {
      stores: inside.stores,
      services: inside.services,
      deps: inside.core.deps,
      scope: { actor: options.actor, organisation: organisation.serial },
      name: wanted.key,
      fileOf: (file) => options.files.get(file),
      authoriseMember: options.authoriseMember ?? (async () => undefined),
      changes,
      secrets,
      warnings,
      deviceChanges,
    }
    await applySections(run, { parsed, path, wanted, organisation })
    if (options.prune) await atLine(parsed, path, () => prune(run, wanted))
  }
  const { core, stores } = inside
  const starts = await previewStarts(core.deps, stores, deviceChanges, { styles: options.styles ?? {}, only: running })
  if (!options.confirm && starts.devices > 0) warnings.push(starts.words())
  return { changes, secrets, warnings, starts, organisations }
}

/** Rollouts of one organisation that are looked at. */
const MOST_RUNNING = 1_000

/** By id, those that run before the file is applied: what the file itself starts needs no second word. */
async function runningRollouts(stores: Stores, { fleet }: ParsedFleet): Promise<Set<string>> {
  const running = new Set<string>()
  for (const { key } of fleet.organisations) {
    const organisation = await stores.organisations.findByKey(key)
    if (!organisation) continue
    const filter = { organisation: organisation.serial, states: ['running'] } as const
    for (const { id } of await stores.rollouts.list(filter, { limit: MOST_RUNNING })) running.add(id)
  }
  return running
}

async function applySections(
  run: FleetRun,
  file: {
    parsed: ParsedFleet
    path: ReadonlyArray<string | number>
    wanted: FleetOrganisation
    organisation: Organisation
  },
): Promise<void> {
  const { parsed, path, wanted } = file
  const each = async <T>(
    section: string,
    rows: readonly T[] | undefined,
    apply: (run: FleetRun, row: T) => Promise<void>,
  ) => {
    for (const [index, row] of (rows ?? []).entries())
      await atLine(parsed, [...path, section, index], () => apply(run, row))
  }
  await each('accounts', wanted.accounts, applyAccount)
  await each('products', wanted.products, applyProduct)
  await atLine(parsed, [...path, 'defaultProduct'], () => applyOrganisation(run, file.organisation, wanted))
  await each('groups', wanted.groups, applyGroup)
  await each('firmware', wanted.firmware, applyFirmware)
  await each('floors', wanted.floors, applyFloor)
  await each('devices', wanted.devices, applyDevice)
  await each('releases', wanted.releases, applyRelease)
  await each('assignments', wanted.assignments, applyAssignment)
  await each('rollouts', wanted.rollouts, applyRollout)
  await each('accessKeys', wanted.accessKeys, applyAccessKey)
}

async function make(services: Services, actor: Actor, wanted: FleetOrganisation): Promise<Organisation> {
  try {
    return await services.organisations.create(actor, {
      key: wanted.key,
      ...(wanted.name !== undefined && { name: wanted.name }),
      ...(wanted.id !== undefined && { id: wanted.id }),
      ...organisationFacts(wanted),
    })
  } catch (error) {
    if (error instanceof OtaError && error.code === 'conflict')
      throw new OtaError('conflict', `organisation "${wanted.key}": ${error.message}`, { cause: error })
    throw error
  }
}
