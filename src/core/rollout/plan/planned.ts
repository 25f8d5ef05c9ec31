import type { Release } from '../../release/release.ts'
import type { RolloutTarget } from '../candidate.ts'
import type { Rollout } from '../rollout.ts'

/** The rollout to plan, and what it is about. `isStored`: false for one that was made for the plan alone. */
export interface Planned {
  readonly rollout: Rollout
  readonly release: Release
  readonly target: RolloutTarget
  readonly isStored: boolean
}
