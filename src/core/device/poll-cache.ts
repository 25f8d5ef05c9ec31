import type { Serial } from '../common.ts'
import type { Change, Storage } from '../ports.ts'

interface Entry<T> {
  readonly organisation: Serial
  readonly epoch: number
  readonly value: T
}

/**
 * Bounded memory of what polls read, so that an unchanged answer costs no query. An entry lives until a commit touches
 * what its key stands for, or its organisation's fleet. Holds nothing when other processes write to the same database.
 */
export class PollCache<T> {
  readonly #entries = new Map<Serial, Entry<T>>()
  readonly #epochs = new Map<Serial, number>()
  readonly #capacity: number
  readonly #of: 'device' | 'rollout' | 'fleet'
  readonly #enabled: boolean
  #serverEpoch = 0
  #changes = 0

  /** `of`: of what the keys are serials; a change of that thing ends its entry. `fleet`: of anything else. */
  constructor(
    storage: Pick<Storage, 'isSoleWriter' | 'onChange'>,
    capacity: number,
    of: 'device' | 'rollout' | 'fleet' = 'device',
  ) {
    this.#capacity = capacity
    this.#of = of
    this.#enabled = storage.isSoleWriter && capacity > 0
    if (this.#enabled) storage.onChange((changes) => this.#forgetAll(changes))
  }

  /** The value under `key`, from memory or from `load`. `organisationOf` says whose fleet changes end the entry. */
  get(key: Serial): T | undefined {
    const entry = this.#entries.get(key)
    if (!entry) return undefined
    if (entry.epoch !== this.#epochOf(entry.organisation)) {
      this.#entries.delete(key)
      return undefined
    }
    return entry.value
  }

  /** Loads and keeps a value; a value read while something was committed is returned but not kept. */
  async load(key: Serial, load: () => Promise<{ organisation: Serial; value: T } | undefined>): Promise<T | undefined> {
    const changes = this.#changes
    const loaded = await load()
    if (loaded && this.#enabled && changes === this.#changes) this.#keep(key, loaded.organisation, loaded.value)
    return loaded?.value
  }

  #keep(key: Serial, organisation: Serial, value: T): void {
    this.#entries.delete(key)
    if (this.#entries.size >= this.#capacity) {
      const oldest = this.#entries.keys().next()
      if (!oldest.done) this.#entries.delete(oldest.value)
    }
    this.#entries.set(key, { organisation, epoch: this.#epochOf(organisation), value })
  }

  #epochOf(organisation: Serial): number {
    return this.#serverEpoch + (this.#epochs.get(organisation) ?? 0)
  }

  #forgetAll(changes: readonly Change[]): void {
    for (const change of changes) this.#forget(change)
  }

  #forget(change: Change): void {
    switch (change.kind) {
      case 'fleet':
        this.#changes++
        if (change.organisation === null) this.#serverEpoch++
        else this.#epochs.set(change.organisation, (this.#epochs.get(change.organisation) ?? 0) + 1)
        return
      case 'device':
        this.#forgetOne('device', change.device)
        return
      case 'rollout':
        this.#forgetOne('rollout', change.rollout)
    }
  }

  #forgetOne(of: 'device' | 'rollout', serial: Serial): void {
    if (of !== this.#of) return
    this.#changes++
    this.#entries.delete(serial)
  }
}
