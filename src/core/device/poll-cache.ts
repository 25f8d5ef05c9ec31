import type { Serial } from '../common.ts'
import type { Change, Invalidation, Storage } from '../ports.ts'

interface Entry<T> {
  readonly organisation: Serial
  readonly epoch: number
  readonly value: T
}

/** Reads of one key that are under way; spoilt when a commit touched what they read. */
interface Loading<T> {
  readers: number
  isSpoilt: boolean
  /** One of them that others may wait for, as long as no fleet changed since. */
  joint?: { readonly value: Promise<T | undefined>; readonly fleetChanges: number }
}

type Load<T> = () => Promise<{ organisation: Serial; value: T } | undefined>

/**
 * Bounded memory of what polls read, so that an unchanged answer costs no query. An entry lives until a commit touches
 * what its key stands for, or its organisation's fleet. Believes nothing while it is not known what other processes
 * committed.
 */
export class PollCache<T> {
  readonly #entries = new Map<Serial, Entry<T>>()
  readonly #epochs = new Map<Serial, number>()
  readonly #capacity: number
  readonly #of: 'device' | 'rollout' | 'fleet'
  readonly #invalidation: Invalidation
  readonly #loading = new Map<Serial, Loading<T>>()
  #serverEpoch = 0
  #fleetChanges = 0

  /** `of`: of what the keys are serials; a change of that thing ends its entry. `fleet`: of anything else. */
  constructor(
    storage: Pick<Storage, 'invalidation' | 'onChange'>,
    capacity: number,
    of: 'device' | 'rollout' | 'fleet' = 'device',
  ) {
    this.#capacity = capacity
    this.#of = of
    this.#invalidation = storage.invalidation
    if (capacity > 0) storage.onChange((changes) => this.#forgetAll(changes))
  }

  /** The value under `key`, from memory or from `load`. `organisationOf` says whose fleet changes end the entry. */
  get(key: Serial): T | undefined {
    const entry = this.#entries.get(key)
    if (!entry || !this.#invalidation.isCurrent()) return undefined
    if (entry.epoch !== this.#epochOf(entry.organisation)) {
      this.#entries.delete(key)
      return undefined
    }
    return entry.value
  }

  /** In place of the value that is held under `key`, which was read before and has only been completed since. */
  renew(key: Serial, value: T): void {
    const entry = this.#entries.get(key)
    if (entry) this.#entries.set(key, { ...entry, value })
  }

  /** Loads and keeps a value; one that a commit touched while it was read is returned but not kept. */
  async load(key: Serial, load: Load<T>): Promise<T | undefined> {
    const fleetChanges = this.#fleetChanges
    const loading = this.#begin(key)
    try {
      const loaded = await load()
      const isSpoilt = loading.isSpoilt || fleetChanges !== this.#fleetChanges
      if (loaded && !isSpoilt && this.#capacity > 0) this.#keep(key, loaded.organisation, loaded.value)
      return loaded?.value
    } finally {
      loading.readers -= 1
      if (loading.readers === 0 && this.#loading.get(key) === loading) this.#loading.delete(key)
    }
  }

  /** As `load`, for what many ask for at once: who comes while it is read waits for the same read. */
  loadJointly(key: Serial, load: Load<T>): Promise<T | undefined> {
    const fleetChanges = this.#fleetChanges
    const known = this.#loading.get(key)?.joint
    if (known?.fleetChanges === fleetChanges && this.#invalidation.isCurrent()) return known.value
    const value = this.load(key, load)
    if (this.#capacity === 0) return value
    const loading = this.#loading.get(key)
    if (loading) loading.joint = { value, fleetChanges }
    return value
  }

  #begin(key: Serial): Loading<T> {
    const known = this.#loading.get(key)
    if (known) {
      known.readers += 1
      return known
    }
    const loading: Loading<T> = { readers: 1, isSpoilt: false }
    this.#loading.set(key, loading)
    return loading
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
        this.#fleetChanges++
        if (change.organisation === null) this.#serverEpoch++
        else this.#epochs.set(change.organisation, (this.#epochs.get(change.organisation) ?? 0) + 1)
        return
      case 'device':
        this.#forgetOne('device', change.device)
        return
      case 'rollout':
        this.#forgetOne('rollout', change.rollout)
        return
      case 'access-token':
    }
  }

  #forgetOne(of: 'device' | 'rollout', serial: Serial): void {
    if (of !== this.#of) return
    this.#entries.delete(serial)
    const loading = this.#loading.get(serial)
    if (!loading) return
    loading.isSpoilt = true
    // Who reads from now on reads what was committed.
    this.#loading.delete(serial)
  }
}
