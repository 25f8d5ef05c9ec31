import { FATES, type Fate } from './fate.ts'

/** What the simulation knows of devices that asked at least once, by number. Kept small: there may be a million. */
export class DeviceTable {
  readonly #serials: Float64Array
  readonly #kinds: Uint16Array
  /** Index of the fate plus one; 0 before the release was taken. */
  readonly #fates: Uint8Array
  #count = 0

  constructor(capacity: number) {
    this.#serials = new Float64Array(capacity)
    this.#kinds = new Uint16Array(capacity)
    this.#fates = new Uint8Array(capacity)
  }

  /** Devices so far, and the number of the next. */
  get count(): number {
    return this.#count
  }

  add(kind: number, serial: number): number {
    this.#kinds[this.#count] = kind
    this.#serials[this.#count] = serial
    return this.#count++
  }

  serialOf(device: number): number {
    return this.#serials[device] ?? 0
  }

  kindOf(device: number): number {
    return this.#kinds[device] ?? 0
  }

  /** undefined before it took the release. */
  fateOf(device: number): Fate | undefined {
    return FATES[(this.#fates[device] ?? 0) - 1]
  }

  setFate(device: number, fate: Fate): void {
    this.#fates[device] = FATES.indexOf(fate) + 1
  }
}
