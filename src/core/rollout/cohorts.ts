import type { Labels } from '../common.ts'
import { FROM_VERSION } from './health/health-policy.ts'
import type { CohortName } from './health/health-state.ts'
import { COHORTS_PER_FAMILY, type Room } from './room.ts'
import { cohortScope } from './tally.ts'

/** The value of devices beyond the {@link COHORTS_PER_FAMILY} first values of a family. */
export const OTHERS = '(others)'

/**
 * The cohorts of a device, of the families that a health policy watches; none for what the device does not tell.
 * `running`: what its primary module runs; null = unknown.
 */
export function cohortsOf(
  families: readonly string[],
  device: { readonly attributes: Labels; readonly running: string | null },
  room: Pick<Room, 'cohorts' | 'families'>,
): CohortName[] {
  const cohorts: CohortName[] = []
  for (const family of families) {
    const value = family === FROM_VERSION ? device.running : device.attributes[family]
    if (value === undefined || value === null || value === '') continue
    const own = { family, value }
    const isKnown = room.cohorts.has(cohortScope(own))
    const hasRoom = (room.families.get(family) ?? 0) < COHORTS_PER_FAMILY
    cohorts.push(isKnown || hasRoom ? own : { family, value: OTHERS })
  }
  return cohorts
}

/** A cohort as operators read it: `hardwareRevision C`, `from 1.2`. */
export function cohortName({ family, value }: CohortName): string {
  return family === FROM_VERSION ? `from ${value}` : `${family} ${value}`
}
