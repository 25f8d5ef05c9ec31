import type { Serial } from '../../common.ts'
import { compareVersions, type Versioned } from './compare-versions.ts'
import { allowsFrom } from './from-versions.ts'

/** A firmware that can be installed on the way, or at its end. */
export interface PathFirmware extends Versioned {
  readonly firmware: Serial
  /** From which versions it can be installed; null = from any. See {@link allowsFrom}. */
  readonly fromVersions: string | null
}

/** A version that no device of a module may jump over. */
export interface PathFloor extends PathFirmware {
  /** Why, in an operator's words. */
  readonly reason: string
  /** Refused everywhere, so no way leads over it. */
  readonly withdrawn: boolean
}

/** Why there is no way. */
export type NoPathBecause =
  /** `version` can be installed only from `fromVersions`, and the device would come from `from`; null = not known. */
  | {
      readonly kind: 'from-versions'
      readonly version: string
      readonly fromVersions: string
      readonly from: string | null
    }
  /** Whether the floor lies on the way cannot be told: nothing orders these two versions. */
  | { readonly kind: 'incomparable'; readonly floor: string; readonly version: string; readonly reason: string }
  /** The device never said what it runs, so whether it needs the floor cannot be told. */
  | { readonly kind: 'unknown-version'; readonly floor: string; readonly reason: string }
  | { readonly kind: 'floor-withdrawn'; readonly floor: string; readonly reason: string }

/** `needs`: what the device would have to run, or what an operator would have to provide. */
export interface NoPath {
  readonly kind: 'no-path'
  readonly needs: string
  readonly because: NoPathBecause
}

export type NextStep = { readonly kind: 'direct' } | { readonly kind: 'floor'; readonly floor: PathFloor } | NoPath

/** Everything that is to be installed, in order; the target is the last. */
export interface Path {
  readonly kind: 'path'
  readonly floors: readonly PathFloor[]
  readonly target: PathFirmware
}

/**
 * What a device has to install first on its way from `running` (null = never reported) to `target`. `floors` are those of
 * the target's module, in any order. A first step is named only where the whole way is open, so that no device is left
 * half-way.
 */
export function nextStep(running: Versioned | null, target: PathFirmware, floors: readonly PathFloor[]): NextStep {
  const path = pathOf(running, target, floors)
  if (path.kind === 'no-path') return path
  const [floor] = path.floors
  return floor ? { kind: 'floor', floor } : { kind: 'direct' }
}

/** The whole way: every floor above the running version and below the target, lowest first, each installable from the one before. */
export function pathOf(running: Versioned | null, target: PathFirmware, floors: readonly PathFloor[]): Path | NoPath {
  const between = floorsBetween(running, target, floors)
  if (between.kind === 'no-path') return between
  const withdrawn = between.floors.find((floor) => floor.withdrawn)
  if (withdrawn) return noPath(withdrawn, { kind: 'floor-withdrawn', ...named(withdrawn) })
  let from = running?.version ?? null
  for (const step of [...between.floors, target]) {
    const { version, fromVersions } = step
    if (fromVersions !== null && (from === null || !allowsFrom(fromVersions, from)))
      return { kind: 'no-path', needs: fromVersions, because: { kind: 'from-versions', version, fromVersions, from } }
    from = version
  }
  return { kind: 'path', floors: between.floors, target }
}

interface Floors {
  readonly kind: 'floors'
  readonly floors: readonly PathFloor[]
}

/** The floors on the way, lowest first. One that cannot be placed bars the way: skipping it would be a guess. */
function floorsBetween(running: Versioned | null, target: PathFirmware, floors: readonly PathFloor[]): Floors | NoPath {
  const order = running && compareVersions(running, target)
  if (order === 'newer' || order === 'same') return { kind: 'floors', floors: [] }
  const between: PathFloor[] = []
  for (const floor of floors) {
    const atTarget = floor.firmware === target.firmware ? 'same' : compareVersions(floor, target)
    const atRunning = running ? compareVersions(running, floor) : 'unknown'
    if (atTarget === 'same' || atTarget === 'newer' || atRunning === 'same' || atRunning === 'newer') continue
    if (!running) return noPath(floor, { kind: 'unknown-version', ...named(floor) })
    const strange = atRunning === 'unknown' ? running : atTarget === 'unknown' ? target : undefined
    if (strange) return noPath(floor, { kind: 'incomparable', version: strange.version, ...named(floor) })
    between.push(floor)
  }
  return sorted(between)
}

/** Lowest first, by taking out the lowest again and again: an order of versions need not be one for sorting. */
function sorted(floors: readonly PathFloor[]): Floors | NoPath {
  const rest = floors.toSorted((left, right) => left.firmware - right.firmware)
  const done: PathFloor[] = []
  while (rest.length > 0) {
    const lowest = rest.findIndex((floor) => rest.every((other) => isAtMost(floor, other)))
    const [floor] = rest.splice(Math.max(lowest, 0), 1)
    if (!floor) break
    const other = rest.find((one) => !isAtMost(floor, one))
    if (other) return noPath(floor, { kind: 'incomparable', version: other.version, ...named(floor) })
    const before = done.at(-1)
    if (!before || compareVersions(before, floor) === 'older') done.push(floor)
  }
  return { kind: 'floors', floors: done }
}

function isAtMost(left: Versioned, right: Versioned): boolean {
  const order = compareVersions(left, right)
  return order === 'older' || order === 'same'
}

function named(floor: PathFloor): { floor: string; reason: string } {
  return { floor: floor.version, reason: floor.reason }
}

function noPath(floor: PathFloor, because: NoPathBecause): NoPath {
  return { kind: 'no-path', needs: floor.version, because }
}
