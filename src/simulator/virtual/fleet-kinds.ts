/** Protocols that devices in virtual time can speak. */
export const VIRTUAL_PROTOCOLS = ['native', 'enos', 'iotaap', 'spoke-zone'] as const
export type VirtualProtocol = (typeof VIRTUAL_PROTOCOLS)[number]

/** Devices that are alike: of one protocol and hardware, from one version, failing with one probability. */
export interface FleetKind {
  readonly devices: number
  readonly protocol: VirtualProtocol
  readonly hardwareRevision: string
  readonly fromVersion: string
  readonly failureRate: number
}

export interface FleetMix {
  readonly devices: number
  readonly failureRate: number
  /** Weights; native alone unless given. */
  readonly protocols?: Readonly<Partial<Record<VirtualProtocol, number>>>
  /** The rarest hardware revision, where it differs: its share of the fleet (0.02) and its failure rate. */
  readonly rare?: { readonly share?: number; readonly failureRate: number }
}

/** The rarest hardware revision. */
export const RARE = 'C'
const RARE_SHARE = 0.02

/** The version that all are to run, and what they run before, with shares. */
export const TARGET_VERSION = '2.0.0'
/** Between both, where all have to install another one first. */
export const FLOOR_VERSION = '1.9.0'
const VERSIONS = [
  ['1.4.0', 0.7],
  ['1.3.0', 0.25],
  ['1.2.0', 0.05],
] as const

/** A fleet of three hardware revisions (60, 38 and 2 % unless the rare one has another share) from three versions. */
export function fleetKinds({ devices, failureRate, protocols = { native: 1 }, rare }: FleetMix): FleetKind[] {
  const share = rare?.share ?? RARE_SHARE
  const common = (1 - share) / (1 - RARE_SHARE)
  const revisions = [
    ['A', 0.6 * common],
    ['B', 0.38 * common],
    [RARE, share],
  ] as const
  const mix = Object.entries(protocols) as [VirtualProtocol, number][]
  return split(devices, mix).flatMap(([protocol, speaking]) =>
    split(speaking, revisions).flatMap(([hardwareRevision, ofRevision]) =>
      split(ofRevision, VERSIONS).map(([fromVersion, count]) => ({
        devices: count,
        protocol,
        hardwareRevision,
        fromVersion,
        failureRate: hardwareRevision === RARE ? (rare?.failureRate ?? failureRate) : failureRate,
      })),
    ),
  )
}

/** So many devices for each name, in proportion to the weights. */
function split<N extends string>(devices: number, parts: readonly (readonly [N, number])[]): [N, number][] {
  const counts = apportion(
    devices,
    parts.map(([, weight]) => weight),
  )
  return parts.map(([name], index) => [name, counts[index] ?? 0])
}

/** Whole numbers in these proportions with this sum (largest remainders). */
export function apportion(total: number, weights: readonly number[]): number[] {
  const sum = weights.reduce((one, other) => one + other, 0)
  const exact = weights.map((weight) => (total * weight) / sum)
  // A hair is added so that 474.9999999 counts as the 475 that it is meant to be.
  const counts = exact.map((value) => Math.floor(value + 1e-6))
  const left = total - counts.reduce((one, other) => one + other, 0)
  const byRemainder = exact.map((value, index) => ({ index, rest: value - (counts[index] ?? 0) }))
  byRemainder.sort((one, other) => other.rest - one.rest || one.index - other.index)
  for (const { index } of byRemainder.slice(0, left)) counts[index] = (counts[index] ?? 0) + 1
  return counts
}
