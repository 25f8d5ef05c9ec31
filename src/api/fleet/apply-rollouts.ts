import { invalid } from '../../core/errors.ts'
import { findProduct } from '../../core/product/product-service.ts'
import { type ReleaseReference, resolveRelease } from '../../core/release/release-service.ts'
import { healthPolicy } from '../../core/rollout/health/health-policy.ts'
import { type OptionsInput, optionsFrom } from '../../core/rollout/options-input.ts'
import { isLive, type Rollout, type RolloutState } from '../../core/rollout/rollout.ts'
import { type RolloutInput, selectionFrom } from '../../core/rollout/rollout-input.ts'
import { stagesFrom } from '../../core/rollout/stage-input.ts'
import { inField } from '../../core/validate.ts'
import { rolloutFrom, stagesFrom as stageInputs } from '../rollout-fields.ts'
import type { FleetRollout } from './fleet-file.ts'
import { differing, type FleetRun } from './fleet-run.ts'

/** Makes one rollout, or changes what may change, and brings it into its state. */
export async function applyRollout(run: FleetRun, wanted: FleetRollout): Promise<void> {
  const { services, stores, scope } = run
  const what = `${run.name}/${wanted.key}`
  const existing = await stores.rollouts.findByKey(scope.organisation, wanted.key)
  if (!existing) {
    const made = await services.rollouts.insert(stores, scope, inputOf(wanted))
    run.changes.push({ action: 'create', kind: 'rollout', what })
    await bringInto(run, made, wanted.state)
    return
  }
  const { rollout, fields } = await changeRollout(run, existing, wanted)
  const before = rollout.state
  const after = await bringInto(run, rollout, wanted.state)
  const changed = after === before ? fields : [...fields, 'state']
  if (changed.length > 0) run.changes.push({ action: 'change', kind: 'rollout', what, fields: changed })
}

function inputOf(wanted: FleetRollout): RolloutInput {
  const { state: _, product, module, version, release, id, ...fields } = wanted
  const reference: ReleaseReference =
    release === undefined
      ? { product, version: version ?? '', ...(module !== undefined && { module }) }
      : { product, release }
  return { ...rolloutFrom(fields), product, release: reference, ...(id !== undefined && { id }) }
}

/** What the file names of it, as it would be stored. */
async function definitionOf(run: FleetRun, existing: Rollout, wanted: FleetRollout) {
  const { stores, deps, scope } = run
  const { name, priority, membership, kind, select, health, options, stages } = wanted
  const input = inputOf(wanted)
  const zone = options?.timeZone ?? existing.options.timeZone
  return {
    free: {
      ...(name !== undefined && { name }),
      ...(priority !== undefined && { priority }),
      ...(stages && { stages: stagesFrom(stageInputs(stages, zone)) }),
    },
    fixed: {
      product: (await findProduct(stores, scope.organisation, wanted.product)).serial,
      release: (await resolveRelease(stores, deps, scope.organisation, input.release)).serial,
      ...(kind && { kind }),
      ...(select && { selection: selectionFrom(select) }),
      ...(health && { health: inField('health', () => healthPolicy(health)) }),
      ...(options && { options: optionsFrom({ ...options, ...openness(existing, options) }) }),
      ...(membership && { membership }),
    },
  }
}

/** Rollouts of older versions do not say whether they stay open. */
function openness({ options: { staysOpen } }: Rollout, wanted: OptionsInput): OptionsInput {
  return wanted.staysOpen === undefined && staysOpen !== undefined ? { staysOpen } : {}
}

/** In the words of the file. */
const WORDS: Readonly<Record<string, string>> = { release: 'version', selection: 'select' }

async function changeRollout(
  run: FleetRun,
  existing: Rollout,
  wanted: FleetRollout,
): Promise<{ rollout: Rollout; fields: string[] }> {
  const { services, stores, scope } = run
  const definition = await definitionOf(run, existing, wanted)
  const free = Object.keys(differing<Rollout>(existing, definition.free))
  const fixed = Object.keys(differing<Rollout>(existing, definition.fixed)).map((name) => WORDS[name] ?? name)
  const [first] = fixed
  if (first !== undefined && existing.state !== 'draft')
    throw invalid(
      first === 'version' && wanted.release !== undefined ? 'release' : first,
      'cannot change once the rollout has started; a new one needs another key',
    )
  if (first !== undefined) {
    await services.rollouts.delete(scope, existing.id)
    const rollout = await services.rollouts.insert(stores, scope, { ...inputOf(wanted), id: existing.id })
    return { rollout, fields: [...fixed, ...free] }
  }
  if (free.length === 0) return { rollout: existing, fields: [] }
  const { stages: _, ...plain } = definition.free
  const zone = existing.options.timeZone
  const patch = { ...plain, ...(wanted.stages && { stages: stageInputs(wanted.stages, zone) }) }
  return { rollout: await services.rollouts.update(scope, existing.id, patch), fields: free }
}

type Step = 'start' | 'pause' | 'resume' | 'stop' | 'finish'

/**
 * The steps from the state in which it is to the one in which it shall be; absent: it stays. Whoever stopped a rollout,
 * its gate or a person, had a reason that a file does not know: a file never resumes it.
 */
const STEPS: Readonly<Record<RolloutState, Partial<Record<RolloutState, readonly Step[]>>>> = {
  draft: {
    running: ['start'],
    paused: ['start', 'pause'],
    stopped: ['start', 'stop'],
    finished: ['start', 'finish'],
  },
  running: { paused: ['pause'], stopped: ['stop'], finished: ['finish'] },
  paused: { running: ['resume'], stopped: ['stop'], finished: ['finish'] },
  stopped: { finished: ['finish'] },
  finished: {},
}

/** The state in which it is then. */
async function bringInto(run: FleetRun, rollout: Rollout, wanted: RolloutState | undefined): Promise<RolloutState> {
  if (wanted === undefined || wanted === rollout.state) return rollout.state
  // It ran, and has nothing left to do.
  if (rollout.isComplete && wanted === 'running') return rollout.state
  const steps = STEPS[rollout.state][wanted]
  if (!steps) {
    run.warnings.push(whyNot(rollout, wanted))
    return rollout.state
  }
  for (const step of steps) await take(run, rollout, step)
  return wanted
}

function take({ services, scope }: FleetRun, { id }: Rollout, step: Step): Promise<Rollout> {
  if (step === 'stop') return services.rolloutControl.stop(scope, id, { reason: 'the fleet file says so' })
  return services.rolloutControl[step](scope, id)
}

function whyNot({ key, state, stop }: Rollout, wanted: RolloutState): string {
  const name = `rollout "${key}"`
  if (state === 'finished') return `${name} is finished and stays so; a new one needs another key`
  if (state !== 'stopped') return `${name} has started and is not made ${wanted} again; it is ${state}`
  const who =
    stop?.kind === 'gate' ? `its health gate: ${stop.words}` : `an operator${stop?.reason ? `: ${stop.reason}.` : '.'}`
  return `${name} was stopped by ${who} It stays stopped; "godwit rollout resume ${key}" resumes it`
}

/** Deletes rollouts that the file does not name; one that may still grant is refused. */
export async function pruneRollouts(run: FleetRun, rows: readonly Rollout[]): Promise<void> {
  // The newest first: an undo goes before what it undoes.
  for (const { id, key, state } of rows.toSorted((a, b) => b.serial - a.serial)) {
    if (isLive(state)) throw invalid('rollouts', `"${key}" is not in the file and is ${state}; stop or finish it first`)
    await run.services.rollouts.delete(run.scope, id)
    run.changes.push({ action: 'delete', kind: 'rollout', what: `${run.name}/${key}` })
  }
}
