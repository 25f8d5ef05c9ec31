import type { FastifyBaseLogger } from 'fastify'
import type { Lease } from '../../core/lease/lease.ts'
import type { NodeFacts } from '../../core/node/node-store.ts'
import type { Storage } from '../../core/ports.ts'

/** How often a node looks for leases that are free. */
const LOOK_MS = 1_000
/** How often a node says that it is there. */
const NOTE_MS = 10_000
/** A lease is renewed after this part of its time. */
const RENEW_AFTER = 1 / 3

export interface LeaseKeeperOptions {
  readonly storage: Storage
  readonly log: FastifyBaseLogger
  /** The jobs whose leases this node takes when they are free. */
  readonly names: readonly string[]
  readonly node: NodeFacts
  readonly leaseMs: number
  /** Milliseconds that only ever grow, also while the process is stopped. */
  readonly monotonic?: () => number
}

interface Held {
  readonly lease: Lease
  /** Begin of the call that took or renewed it: the lease lasts at least from then. */
  renewedAt: number
}

/**
 * Takes and renews the leases of one node. What it says is a hint that saves work, by a clock that no operator sets; what
 * is written is guarded by the token alone (`fencedStorage`).
 */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions
  readonly #monotonic: () => number
  readonly #held = new Map<string, Held>()
  readonly #given = new Set<string>()
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> | undefined
  #notedAt = Number.NEGATIVE_INFINITY
  #isAway = false

  constructor(options: LeaseKeeperOptions) {
    this.#options = options
    this.#monotonic = options.monotonic ?? (() => performance.now())
  }

  /** Looks at once and then every second, or more often where leases are short. */
  start(): void {
    const everyMs = Math.min(LOOK_MS, this.#options.leaseMs / 6)
    this.#timer = setInterval(() => this.#begin(), everyMs).unref()
    this.#begin()
  }

  /** The lease of a job, as long as this node may believe that it holds it. */
  current(name: string): Lease | undefined {
    const held = this.#held.get(name)
    return held && this.#monotonic() < held.renewedAt + this.#options.leaseMs ? held.lease : undefined
  }

  /** Gives leases back, for another node to take them at once, and takes them no more. */
  async release(names: readonly string[]): Promise<void> {
    for (const name of names) this.#given.add(name)
    await this.#looking
    for (const name of names) {
      const held = this.#held.get(name)
      this.#held.delete(name)
      if (held) await this.#options.storage.transaction((stores) => stores.leases.release(held.lease))
    }
  }

  /** Gives back what is left and takes its node off the list. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    try {
      await this.release(this.#options.names)
      await this.#options.storage.transaction((stores) => stores.nodes.forget(this.#options.node.id))
    } catch (error) {
      this.#options.log.warn({ err: error }, 'leases could not be given back; they end by themselves')
    }
  }

  #begin(): void {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined
    })
  }

  async #look(): Promise<void> {
    try {
      await this.#note()
      for (const [name, held] of this.#held) await this.#renew(name, held)
      await this.#takeFree()
      this.#isAway = false
    } catch (error) {
      // Jobs stand still meanwhile; whatever keeps the database away is said once.
      if (!this.#isAway) this.#options.log.warn({ err: error }, 'leases could not be renewed')
      this.#isAway = true
    }
  }

  async #note(): Promise<void> {
    const now = this.#monotonic()
    if (now < this.#notedAt + NOTE_MS) return
    await this.#options.storage.transaction((stores) => stores.nodes.note(this.#options.node))
    this.#notedAt = now
  }

  async #renew(name: string, held: Held): Promise<void> {
    const { storage, leaseMs, log } = this.#options
    const now = this.#monotonic()
    if (now < held.renewedAt + leaseMs * RENEW_AFTER) return
    const isHeld = await storage.transaction((stores) => stores.leases.renew(held.lease, leaseMs))
    if (isHeld) held.renewedAt = now
    else {
      this.#held.delete(name)
      log.warn({ job: name, token: held.lease.token }, 'the lease of a job was lost')
    }
  }

  async #takeFree(): Promise<void> {
    const { storage, names, node, leaseMs, log } = this.#options
    const wanted = names.filter((name) => !this.#held.has(name) && !this.#given.has(name))
    for (const name of await storage.read.leases.listFree(wanted, leaseMs)) {
      const now = this.#monotonic()
      const lease = await storage.transaction((stores) => stores.leases.take(name, node.id, leaseMs))
      if (!lease) continue
      this.#held.set(name, { lease, renewedAt: now })
      log.info({ job: name, token: lease.token }, 'this node does the job')
    }
  }
}
