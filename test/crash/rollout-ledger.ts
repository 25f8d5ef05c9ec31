/** How a device's first try goes: it arrives, fails, falls back at its restart, or is heard of no more. */
export type Fate = 'arrives' | 'fails' | 'falls-back' | 'falls-silent'

/** A report as the device knows it. */
export interface LedgerReport {
  readonly id: string
  readonly update: string
  readonly state: string
  readonly reason: string
}

/** What one device outside knows: whatever the server answered it. */
export interface LedgerDevice {
  readonly key: string
  readonly token: string
  readonly fate: Fate
  /** The updates that it was told of, by attempt. */
  readonly told: Map<number, Set<string>>
  /** Reports that were acknowledged. */
  readonly reported: LedgerReport[]
  /** Updates that ended by what it said that it runs, and how. */
  readonly ended: Map<string, 'succeeded' | 'rolled-back'>
}

/** The oracle of a crash: what the server acknowledged must be there afterwards. */
export class RolloutLedger {
  readonly devices: readonly LedgerDevice[]
  /** Answers so far, of every kind. */
  acknowledged = 0
  /** Reports that the server had taken although its answer was lost. */
  duplicates = 0
  /** Calls that were told to come again. */
  refused = 0
  /** What should never be answered. */
  readonly surprises: string[] = []

  constructor(devices: ReadonlyArray<{ key: string; token: string }>, fateOf: () => Fate) {
    this.devices = devices.map(({ key, token }) => ({
      key,
      token,
      fate: fateOf(),
      told: new Map(),
      reported: [],
      ended: new Map(),
    }))
  }
}
