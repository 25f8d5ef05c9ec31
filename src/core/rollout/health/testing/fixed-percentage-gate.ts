import type { DeviceKind, Gate, Outcome } from './blast-radius.ts'

/**
 * The usual way, for comparison: stages of 1 %, 10 %, 50 % and 100 % of the fleet. A stage is judged when T has passed
 * for all its devices: more than `mostFailed` percent of all that reported so far failed stops the rollout, and fewer
 * than half of the granted devices reporting success leaves it waiting. Silence is not counted as failure.
 */
export class FixedPercentageGate implements Gate {
  readonly #mostFailed: number
  readonly #stages: number[]
  #granted = 0
  #settled = 0
  #succeeded = 0
  #failed = 0
  #stopped = false

  constructor(mostFailed: number, kinds: readonly DeviceKind[]) {
    const devices = kinds.reduce((sum, kind) => sum + kind.devices, 0)
    this.#mostFailed = mostFailed
    this.#stages = [0.01, 0.1, 0.5, 1].map((share) => Math.ceil(share * devices))
  }

  mayGrant(): boolean {
    return this.#granted < (this.#stages[0] ?? 0)
  }

  granted(): void {
    this.#granted++
  }

  failedEarly(): void {
    this.#failed++
  }

  settled(_kind: number, outcome: Outcome): void {
    this.#settled++
    if (outcome === 'good') this.#succeeded++
    if (this.#settled !== this.#stages[0]) return
    if (this.#failed * 100 > this.#mostFailed * (this.#failed + this.#succeeded)) this.#stopped = true
    else if (this.#succeeded * 2 >= this.#granted) this.#stages.shift()
  }

  isStopped(): boolean {
    return this.#stopped
  }
}
