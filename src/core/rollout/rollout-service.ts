import type { Serial } from '../common.ts'
import { findDevice } from '../device/device-service.ts'
import { findGroup } from '../device/group-service.ts'
import { invalid, notFound, OtaError } from '../errors.ts'
import type { Stores } from '../ports.ts'
import { findProduct } from '../product/product-service.ts'
import type { Release } from '../release/release.ts'
import { resolveRelease } from '../release/release-service.ts'
import { changed, difference, recordFor, type Scope, type ServiceDeps } from '../service.ts'
import { inField, requireKey, requireText } from '../validate.ts'
import { devicesNamed } from './devices-named.ts'
import { NO_COUNTS } from './health/counts.ts'
import { healthPolicy } from './health/health-policy.ts'
import { grantLimits } from './health/judge.ts'
import { optionsFrom } from './options-input.ts'
import type { Rollout } from './rollout.ts'
import { type RolloutInput, selectionFrom } from './rollout-input.ts'
import type { DeviceName } from './rollout-store.ts'
import { takeSnapshot } from './snapshot.ts'
import { type StageInput, stagesFrom } from './stage-input.ts'
import { stageScope, WHOLE } from './tally.ts'
import { verificationStages } from './verification-limit.ts'

/** What may change in a rollout that was made. Stages that have begun stay as they are. */
export interface RolloutPatch {
  readonly name?: string
  readonly priority?: number
  /** All of them, the begun ones unchanged. */
  readonly stages?: readonly StageInput[]
}

/** Makes, changes and finds rollouts; `RolloutControl` runs them. */
export class RolloutService {
  readonly #deps: ServiceDeps

  constructor(deps: ServiceDeps) {
    this.#deps = deps
  }

  /** Makes a draft; writes O(stages) rows whatever the fleet. Throws `conflict` for a taken key. */
  async create(scope: Scope, input: RolloutInput): Promise<Rollout> {
    const rollout = await this.#deps.storage.transaction((stores) => this.insert(stores, scope, input))
    if (rollout.snapshot.kind !== 'taking') return rollout
    // A short list is complete at once; a long one goes on in the background.
    return (await takeSnapshot(this.#deps, rollout.serial, SNAPSHOT_BATCHES)) ?? rollout
  }

  /** As `create`, inside a transaction of the caller's; a snapshot is then taken in the background. */
  async insert(stores: Stores, scope: Scope, input: RolloutInput): Promise<Rollout> {
    const release = await resolveRelease(stores, this.#deps, scope.organisation, input.release)
    const product = await productOf(stores, scope, { product: input.product, release })
    const row = await rowOf(stores, input, release)
    await requireReferences(stores, scope, input)
    return insertRollout(stores, this.#deps, scope, {
      ...row,
      product,
      release,
      input,
    })
  }

  /** Throws `wrong-state` for a stage that has begun, `invalid` for what cannot be. */
  async update(scope: Scope, reference: string, patch: RolloutPatch, ifRevision?: number): Promise<Rollout> {
    return this.#deps.storage.transaction(async (stores) => {
      const before = await lockRollout(stores, scope.organisation, reference)
      const stages = patch.stages && keptStages(before, await stagesOf(stores, before, patch.stages))
      const change = {
        ...(patch.name !== undefined && { name: requireText('name', patch.name) }),
        ...(patch.priority !== undefined && { priority: priorityOf(patch.priority) }),
        ...(stages && { stages }),
      }
      const after = changed(await stores.rollouts.update(before.serial, change, ifRevision))
      if (stages && stages.length > before.stages.length) await addStages(stores, after, before.stages.length)
      await recordFor(stores, this.#deps, scope, {
        type: 'rollout.changed',
        subject: { kind: 'rollout', id: before.id },
        details: difference(before, change),
      })
      return after
    })
  }

  /**
   * From now on it is gone for everybody; what is left of its members goes in the background. Its updates stay. Throws
   * `wrong-state` while it runs, `in-use` while another one undoes it.
   */
  async delete(scope: Scope, reference: string): Promise<void> {
    await this.#deps.storage.transaction(async (stores) => {
      const rollout = await lockRollout(stores, scope.organisation, reference)
      if (rollout.state === 'running')
        throw new OtaError('wrong-state', 'It is running; stop it first.', { details: { state: rollout.state } })
      await stores.rollouts.delete(rollout.serial)
      await recordFor(stores, this.#deps, scope, {
        type: 'rollout.deleted',
        subject: { kind: 'rollout', id: rollout.id },
        details: { key: rollout.key },
      })
    })
  }

  get(organisation: Serial, reference: string): Promise<Rollout> {
    return findRollout(this.#deps.storage.read, organisation, reference)
  }
}

/** Batches of a snapshot that are taken before `create` returns. */
export const SNAPSHOT_BATCHES = 10

/** By key or id, within the organisation. Throws `not-found`. */
export async function findRollout(stores: Stores, organisation: Serial, reference: string): Promise<Rollout> {
  const rollout =
    (await stores.rollouts.findByKey(organisation, reference)) ??
    (await stores.rollouts.findById(organisation, reference))
  if (!rollout) throw notFound('rollout', reference)
  return rollout
}

/** As `findRollout`, with the rollout's lock: it stays as it is until the end of the transaction. Throws `not-found`. */
export async function lockRollout(stores: Stores, organisation: Serial, reference: string): Promise<Rollout> {
  const { serial } = await findRollout(stores, organisation, reference)
  await stores.rolloutTallies.lock(serial)
  const rollout = await stores.rollouts.find(serial)
  if (!rollout) throw notFound('rollout', reference)
  return rollout
}

async function productOf(
  stores: Stores,
  scope: Scope,
  { product, release }: { product: string | undefined; release: Release },
): Promise<Serial> {
  const named = product === undefined ? undefined : await findProduct(stores, scope.organisation, product)
  const serial = named?.serial ?? release.product
  if (serial === null) throw invalid('product', 'must be given: the firmware is bound to none')
  if (release.product !== null && release.product !== serial)
    throw invalid('product', 'is not the product of the release')
  return serial
}

/** Groups and devices that are named must be there: a slip would leave them out in silence. */
async function requireReferences(stores: Stores, scope: Scope, { select, stages }: RolloutInput): Promise<void> {
  for (const group of new Set([...(select?.groups ?? []), ...(stages ?? []).flatMap((stage) => stage.groups ?? [])]))
    await findGroup(stores, scope.organisation, group)
  for (const device of new Set(select?.devices)) await findDevice(stores, scope.organisation, device)
}

/** Those of a verification keep within what its firmware allows. */
async function stagesOf(stores: Stores, before: Rollout, stages: readonly StageInput[]): Promise<Rollout['stages']> {
  const release = before.kind === 'verification' ? await stores.releases.find(before.release) : undefined
  if (!release) return stagesFrom(stages)
  return verificationStages(stores, { stages, selection: before.selection, release, except: before.serial })
}

async function rowOf(stores: Stores, input: RolloutInput, release: Release) {
  const { kind = 'update', stages } = input
  const selection = input.selection ?? selectionFrom(input.select)
  return {
    kind,
    selection,
    stages:
      kind === 'verification' ? await verificationStages(stores, { stages, selection, release }) : stagesFrom(stages),
    health: inField('health', () => healthPolicy(input.health)),
    options: optionsFrom(input.options),
    undoes: null,
  }
}

type Row = Omit<Awaited<ReturnType<typeof rowOf>>, 'undoes' | 'kind'> & Pick<Rollout, 'undoes' | 'kind'>

/** The row with its counters and event. */
export async function insertRollout(
  stores: Stores,
  deps: ServiceDeps,
  scope: Scope,
  of: Row & {
    product: Serial
    release: Release
    input: Pick<RolloutInput, 'id' | 'key' | 'name' | 'priority' | 'membership' | 'extra'>
    undone?: Rollout
  },
): Promise<Rollout> {
  const { input, release, product, kind, selection, stages, health, options, undoes } = of
  const now = deps.clock.now()
  const id = input.id ?? deps.ids.id(now)
  const key = requireKey('key', input.key ?? id)
  const membership = input.membership ?? 'dynamic'
  const names = nameable(membership, devicesNamed(selection.filter))
  const rollout = await stores.rollouts.insert({
    id,
    createdAt: now,
    organisation: scope.organisation,
    key,
    name: requireText('name', input.name ?? key),
    kind,
    product,
    release: release.serial,
    undoes,
    state: 'draft',
    priority: priorityOf(input.priority ?? 0),
    membership,
    snapshot: membership === 'snapshot' ? { kind: 'taking', after: 0, devices: 0 } : { kind: 'none' },
    selection,
    stages,
    health,
    options,
    stage: 0,
    stageStartedAt: null,
    run: 0,
    unverifiableApproved: false,
    cancelling: false,
    cancelAfter: 0,
    isComplete: false,
    namesDevices: names !== undefined,
    startedAt: null,
    endedAt: null,
    stop: null,
    createdBy: scope.actor,
    extra: input.extra ?? {},
  })
  if (names) await stores.rollouts.name(rollout.serial, names)
  const limits = grantLimits(health, {
    overall: NO_COUNTS,
    resumes: 0,
    unverifiable: 0,
    approved: false,
    cohorts: new Map(),
  })
  await stores.rolloutTallies.create(rollout.serial, [WHOLE], {
    grantLimit: limits.overall,
    unverifiableLimit: limits.unverifiable,
  })
  await addStages(stores, rollout, 0)
  await recordFor(stores, deps, scope, {
    type: 'rollout.created',
    subject: { kind: 'rollout', id },
    details: {
      key,
      kind,
      release: release.id,
      version: release.version,
      stages: stages.length,
      ...(of.undone && { undoes: of.undone.key }),
    },
  })
  return rollout
}

/** A device keeps its place in a snapshot whatever its key is later. */
function nameable(
  membership: Rollout['membership'],
  names: readonly DeviceName[] | undefined,
): readonly DeviceName[] | undefined {
  return membership === 'snapshot' && names?.some((name) => 'key' in name) ? undefined : names
}

const NO_LIMIT = { grantLimit: Number.MAX_SAFE_INTEGER, unverifiableLimit: Number.MAX_SAFE_INTEGER }

async function addStages(stores: Stores, { serial, stages }: Rollout, from: number): Promise<void> {
  const scopes = stages.map((_, index) => stageScope(index)).slice(from)
  if (scopes.length > 0) await stores.rolloutTallies.create(serial, scopes, NO_LIMIT)
}

function keptStages(before: Rollout, stages: Rollout['stages']): Rollout['stages'] {
  const begun = before.startedAt === null ? 0 : before.stage + 1
  for (let index = 0; index < begun; index++) {
    if (JSON.stringify(before.stages[index]) === JSON.stringify(stages[index])) continue
    throw new OtaError('wrong-state', `Stage ${index + 1} has begun and cannot be changed.`, {
      details: { state: before.state },
    })
  }
  if (stages.length < before.stages.length && begun > stages.length)
    throw invalid('stages', 'must keep those that have begun')
  return stages
}

function priorityOf(value: number): number {
  if (!Number.isInteger(value) || Math.abs(value) > 1000) throw invalid('priority', 'must be whole, -1000 to 1000')
  return value
}
