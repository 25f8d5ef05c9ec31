import type { New, Serial } from '../../src/core/common.ts'
import { SYSTEM } from '../../src/core/event/event.ts'
import { DEFAULT_HEALTH_POLICY } from '../../src/core/rollout/health/health-policy.ts'
import type { NewMember } from '../../src/core/rollout/member.ts'
import type { Rollout, Stage } from '../../src/core/rollout/rollout.ts'
import { START } from './fixed-clock.ts'
import { entity, nextNumber, type Owned } from './rows.ts'

/** As `rows.ts`: valid as they stand, different from each other. */

export function newStage(given: Partial<Stage> = {}): Stage {
  return {
    reach: { kind: 'percent', percent: 100 },
    successThreshold: 0,
    minMatured: 1,
    soakSeconds: 0,
    approvals: 0,
    concurrency: null,
    ratePerMinute: null,
    window: null,
    spreadSeconds: 0,
    ...given,
  }
}

/** A draft for every device of the release's product, in one stage, unless something else is given. */
export function newRollout(
  release: Owned & { readonly product: Serial | null },
  given: Partial<New<Rollout>> = {},
): New<Rollout> {
  const key = `rollout-${nextNumber()}`
  const { organisation, product, serial } = release
  if (product === null && given.product === undefined) throw new Error('a rollout is for the devices of a product')
  return {
    ...entity(),
    organisation,
    key,
    name: key,
    kind: 'update',
    product: product ?? 0,
    release: serial,
    undoes: null,
    state: 'draft',
    priority: 0,
    membership: 'dynamic',
    snapshot: { kind: 'none' },
    selection: { filter: { kind: 'all', of: [] }, reportingOnly: false },
    stages: [newStage()],
    health: DEFAULT_HEALTH_POLICY,
    options: {
      timeZone: 'UTC',
      allowDowngrade: false,
      retry: { attempts: 3, pauseSeconds: 60, steady: false },
      timeOuts: null,
      pull: false,
      ignorePenalty: false,
    },
    stage: 0,
    stageStartedAt: null,
    run: 0,
    unverifiableApproved: false,
    cancelling: false,
    cancelAfter: 0,
    isComplete: false,
    namesDevices: false,
    startedAt: null,
    endedAt: null,
    stop: null,
    createdBy: SYSTEM,
    extra: {},
    ...given,
  }
}

/** A device that is not granted anything yet, unless something else is given. */
export function newMember(
  rollout: Owned,
  device: { readonly serial: Serial },
  given: Partial<NewMember> = {},
): NewMember {
  return {
    organisation: rollout.organisation,
    rollout: rollout.serial,
    device: device.serial,
    createdAt: START,
    state: 'waiting',
    stage: null,
    grantedAt: null,
    settleAt: null,
    isSettled: false,
    hasFailed: false,
    isVerifiable: true,
    counted: [],
    update: null,
    attempts: 0,
    holdsSlot: false,
    excludedAt: null,
    excludedReason: '',
    isListed: true,
    pardonedAt: null,
    changedAt: START,
    ...given,
  }
}
