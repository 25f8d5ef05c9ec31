import { OtaError } from '../../core/errors.ts'
import type { HttpLimits } from './limits.ts'
import { shareFairly } from './share-fairly.ts'

export type EgressLimits = Pick<
  HttpLimits,
  | 'downloadsAtOnce'
  | 'egressBytesPerSecond'
  | 'downloadBytesPerSecond'
  | 'downloadMinBytesPerSecond'
  | 'downloadProgressBytes'
  | 'downloadProgressMs'
  | 'downloadRetrySeconds'
>

export interface EgressClock {
  /** Milliseconds that never go back. */
  now(): number
  /** Calls `work` again and again until the answer is called. */
  every(ms: number, work: () => void): () => void
}

/** One body on its way out. */
export interface Flow {
  /** Called once, when the client takes less than the least progress: end the body. */
  onStall: () => void
  /**
   * How many of the wanted bytes may be sent now: at least one, or a promise of that where limits make it wait. 0 once
   * the flow has ended.
   */
  take(wanted: number): number | Promise<number>
  /** Of what `take` granted, the network has taken `sent`; the rest was not used. */
  sent(granted: number, sent: number): void
  /** Gives its place to others; safe to call twice. */
  end(): void
}

export interface EgressCounts {
  readonly running: number
  /** Those that wait for their share at this moment. */
  readonly waiting: number
  readonly bytes: number
  readonly refused: number
}

/** Shares are given out so often; what is left of a second longer than this is lost, not saved up. */
const TICK_MS = 50
const LONGEST_TICK_MS = 500
const WATCH_MS = 1_000
/** The least that is worth a write, unless less is wanted. */
const QUANTUM = 4 * 1024
/** The least that a flow that uses all it gets is given at a time, where there is enough. */
const FIRST_SHARE = 256 * 1024
/** Refused clients come back spread over so many more seconds. */
const RETRY_SPREAD = 30

/**
 * Keeps the bytes of all downloads together, and of each, below their limits. A body is begun only if it can have the
 * least rate for as long as it lasts, since all running ones share evenly: whoever reads slowly leaves the rest of its
 * share to the others, and nobody's share depends on who came first. Everything else is refused with the seconds after
 * which to come again. Limits that are 0 do not exist.
 */
export class Egress {
  readonly #limits: EgressLimits
  readonly #clock: EgressClock
  readonly #flows = new Set<RunningFlow>()
  readonly #isPaced: boolean
  #stop: (() => void) | undefined
  #tickedAt = 0
  #budget = 0
  #bytes = 0
  #refused = 0

  constructor(limits: EgressLimits, clock: EgressClock = systemClock) {
    this.#limits = limits
    this.#clock = clock
    this.#isPaced = limits.egressBytesPerSecond > 0 || limits.downloadBytesPerSecond > 0
  }

  get counts(): EgressCounts {
    let waiting = 0
    for (const flow of this.#flows) if (flow.isWaiting) waiting += 1
    return { running: this.#flows.size, waiting, bytes: this.#bytes, refused: this.#refused }
  }

  /** Throws what `admit` would: for callers that change something before they send. */
  requireRoom(): void {
    const { downloadsAtOnce, egressBytesPerSecond, downloadMinBytesPerSecond, downloadRetrySeconds } = this.#limits
    const running = this.#flows.size
    const isCrowded = downloadsAtOnce > 0 && running >= downloadsAtOnce
    const isThin =
      egressBytesPerSecond > 0 && running > 0 && egressBytesPerSecond / (running + 1) < downloadMinBytesPerSecond
    if (!isCrowded && !isThin) return
    const retryAfterSeconds = downloadRetrySeconds + ((this.#refused * 7) % RETRY_SPREAD)
    this.#refused += 1
    throw new OtaError('too-many', 'As many downloads as can be finished are under way; try again later.', {
      details: { retryAfterSeconds },
    })
  }

  /** Takes in a body of `length` bytes. Throws `OtaError('too-many')` with `details.retryAfterSeconds`. */
  admit(length: number): Flow {
    this.requireRoom()
    const flow = new RunningFlow(length, this.#isPaced, {
      now: this.#clock.now,
      sent: (bytes) => {
        this.#bytes += bytes
      },
      ended: () => {
        this.#flows.delete(flow)
        if (this.#flows.size === 0) this.#rest()
      },
    })
    this.#flows.add(flow)
    this.#stop ??= this.#begin()
    return flow
  }

  #begin(): () => void {
    this.#tickedAt = this.#clock.now()
    return this.#clock.every(this.#isPaced ? TICK_MS : WATCH_MS, () => this.#tick())
  }

  #rest(): void {
    this.#stop?.()
    this.#stop = undefined
    this.#budget = 0
  }

  #tick(): void {
    const now = this.#clock.now()
    const elapsed = Math.min(now - this.#tickedAt, LONGEST_TICK_MS)
    this.#tickedAt = now
    if (this.#isPaced && elapsed > 0) this.#share(elapsed / 1_000)
    const { downloadProgressBytes, downloadProgressMs } = this.#limits
    for (const flow of this.#flows) flow.watch(downloadProgressBytes, downloadProgressMs)
  }

  #share(seconds: number): void {
    const { egressBytesPerSecond: all, downloadBytesPerSecond: each } = this.#limits
    const hungry: RunningFlow[] = []
    const wants: number[] = []
    for (const flow of this.#flows) {
      const want = flow.wants(each * seconds)
      if (want < 1) continue
      hungry.push(flow)
      wants.push(want)
    }
    if (all === 0) {
      for (const [index, flow] of hungry.entries()) flow.give(Math.floor(wants[index] ?? 0))
      return
    }
    // What nobody wanted is not saved up beyond one round.
    this.#budget = Math.min(this.#budget, (all * TICK_MS) / 1_000) + all * seconds
    for (const [index, grant] of shareFairly(this.#budget, wants).entries()) {
      this.#budget -= grant
      hungry[index]?.give(grant)
    }
  }
}

interface FlowHost {
  now(): number
  sent(bytes: number): void
  ended(): void
}

class RunningFlow implements Flow {
  onStall: () => void = () => undefined
  readonly #isPaced: boolean
  readonly #host: FlowHost
  #left: number
  /** Granted and not yet used. */
  #credit = 0
  /** What its own limit has room for; grows with time. */
  #allowance = 0
  #usedSinceShare = 0
  #waiting: { readonly wanted: number; resolve(bytes: number): void } | undefined
  #windowBegan: number
  #windowBytes = 0
  /** Bytes that the network has been given and has not taken. */
  #outstanding = 0
  #hasEnded = false

  constructor(length: number, isPaced: boolean, host: FlowHost) {
    this.#left = length
    this.#isPaced = isPaced
    this.#host = host
    this.#windowBegan = host.now()
  }

  get isWaiting(): boolean {
    return this.#waiting !== undefined
  }

  take(wanted: number): number | Promise<number> {
    if (this.#hasEnded) return 0
    if (!this.#isPaced) return this.#use(wanted)
    if (this.#credit >= Math.min(wanted, QUANTUM)) return this.#use(Math.min(wanted, this.#credit))
    return new Promise((resolve) => {
      this.#waiting = { wanted, resolve }
    })
  }

  sent(granted: number, sent: number): void {
    this.#outstanding -= granted
    this.#left -= sent
    if (this.#isPaced) {
      this.#credit += granted - sent
      this.#usedSinceShare -= granted - sent
    }
    this.#windowBytes += sent
    this.#host.sent(sent)
  }

  end(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#waiting?.resolve(0)
    this.#waiting = undefined
    this.#host.ended()
  }

  /** What it could use until the next round; `allowed` more bytes are within its own limit now, 0 = it has none. */
  wants(allowed: number): number {
    const used = this.#usedSinceShare
    this.#usedSinceShare = 0
    if (!this.#waiting && used === 0) return 0
    const target = Math.min(this.#left - this.#outstanding, Math.max(FIRST_SHARE, 2 * used))
    const want = target - this.#credit
    if (allowed === 0) return want
    // A limit of its own that is below the quantum must be able to add up to one.
    this.#allowance = Math.min(this.#allowance, Math.max(QUANTUM, allowed)) + allowed
    return Math.min(want, this.#allowance)
  }

  give(bytes: number): void {
    this.#credit += bytes
    this.#allowance -= bytes
    const waiting = this.#waiting
    if (!waiting || this.#credit < Math.min(waiting.wanted, QUANTUM)) return
    this.#waiting = undefined
    // Waiting for its share was not the client's doing.
    this.#restartWindow()
    waiting.resolve(this.#use(Math.min(waiting.wanted, this.#credit)))
  }

  watch(leastBytes: number, ms: number): void {
    if (this.#outstanding === 0) this.#restartWindow()
    if (ms === 0 || this.#host.now() - this.#windowBegan < ms) return
    if (this.#windowBytes < leastBytes) this.onStall()
    this.#restartWindow()
  }

  #use(bytes: number): number {
    this.#outstanding += bytes
    if (this.#isPaced) {
      this.#credit -= bytes
      this.#usedSinceShare += bytes
    }
    return bytes
  }

  #restartWindow(): void {
    this.#windowBegan = this.#host.now()
    this.#windowBytes = 0
  }
}

const systemClock: EgressClock = {
  now: () => performance.now(),
  every(ms, work) {
    const timer = setInterval(work, ms).unref()
    return () => clearInterval(timer)
  },
}
