/** Kinds of devices that were refused for the same reason, and the device that is to find out when that is over. */
export interface Hold {
  readonly name: string
  readonly probe: number
  readonly until: number
  readonly kinds: Set<number>
}

/**
 * The devices that wait for the release, by kind: some have asked already and have a number, the others are alike and
 * only counted. A kind is held while all of its devices would be refused.
 */
export class WaitingRoom {
  readonly #fresh: number[]
  readonly #known: number[][]
  /** Asked, and wait for another stage. */
  readonly #parked: number[][]
  readonly #holds = new Map<string, Hold>()
  readonly #isHeld: boolean[]

  constructor(counts: readonly number[]) {
    this.#fresh = [...counts]
    this.#known = counts.map(() => [])
    this.#parked = counts.map(() => [])
    this.#isHeld = counts.map(() => false)
  }

  /** Devices that may ask now with a chance. */
  ready(): number {
    let count = 0
    for (let kind = 0; kind < this.#fresh.length; kind++) if (!this.#isHeld[kind]) count += this.#size(kind)
    return count
  }

  /** Takes one of the {@link ready} ones out: its kind, and its number unless it never asked before. */
  take(place: number): { readonly kind: number; readonly device?: number } {
    let left = place
    for (let kind = 0; kind < this.#fresh.length; kind++) {
      if (this.#isHeld[kind]) continue
      const size = this.#size(kind)
      if (left < size) return this.#takeFrom(kind, left)
      left -= size
    }
    throw new RangeError(`there is no place ${place}`)
  }

  put(kind: number, device: number): void {
    this.#known[kind]?.push(device)
  }

  park(kind: number, device: number): void {
    this.#parked[kind]?.push(device)
  }

  /** Another stage has begun: all parked devices ask again. */
  unpark(): void {
    for (const [kind, devices] of this.#parked.entries()) for (const device of devices.splice(0)) this.put(kind, device)
  }

  /** Nobody of this kind asks until the hold is lifted. */
  hold(kind: number, { name, probe, until }: Omit<Hold, 'kinds'>): void {
    const held = this.#holds.get(name) ?? { name, probe, until, kinds: new Set() }
    held.kinds.add(kind)
    this.#isHeld[kind] = true
    this.#holds.set(name, held)
  }

  lift(hold: Hold): void {
    this.#holds.delete(hold.name)
    for (const kind of hold.kinds) this.#isHeld[kind] = false
  }

  holds(): readonly Hold[] {
    return [...this.#holds.values()]
  }

  /** When the next hold ends by itself. */
  liftsAt(): number {
    let at = Number.POSITIVE_INFINITY
    for (const { until } of this.#holds.values()) at = Math.min(at, until)
    return at
  }

  #size(kind: number): number {
    return (this.#fresh[kind] ?? 0) + (this.#known[kind]?.length ?? 0)
  }

  #takeFrom(kind: number, place: number): { kind: number; device?: number } {
    const known = this.#known[kind] ?? []
    const device = known[place]
    if (device === undefined) {
      this.#fresh[kind] = (this.#fresh[kind] ?? 0) - 1
      return { kind }
    }
    const last = known.pop()
    if (last !== undefined && place < known.length) known[place] = last
    return { kind, device }
  }
}
