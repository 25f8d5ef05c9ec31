import { FATES, type Fate } from './fate.ts'

/** What the simulation knows of devices that asked at least once, by number. Kept small: there may be a million. */
export class DeviceTable {
  readonly #serials: Float64Array
  readonly #kinds: Uint16Array
  /** Index of the fate plus one; 0 before it took its next step. */
  readonly #fates: Uint8Array
  /** 1 while what it took last is the version between. */
  readonly #floors: Uint8Array
  #count = 0

  constructor(capacity: number) {
    this.#serials = new Float64Array(capacity)
    this.#kinds = new Uint16Array(capacity)
    this.#fates = new Uint8Array(capacity)
    this.#floors = new Uint8Array(capacity)
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

  /** Of its present step; undefined before it took that. */
  fateOf(device: number): Fate | undefined {
    return FATES[(this.#fates[device] ?? 0) - 1]
  }

  /** undefined: it goes on to its next step. */
  setFate(device: number, fate: Fate | undefined): void {
    this.#fates[device] = fate === undefined ? 0 : FATES.indexOf(fate) + 1
  }

  /** Whether what the device took last is the version between. */
  isAtFloor(device: number): boolean {
    return this.#floors[device] === 1
  }

  setAtFloor(device: number, isAtFloor: boolean): void {
    this.#floors[device] = isAtFloor ? 1 : 0
  }
}
