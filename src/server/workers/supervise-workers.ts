import cluster, { type Worker } from 'node:cluster'
import { MetricsGatherer } from './gather-metrics.ts'
import type { FromWorker, ToWorker } from './messages.ts'

/** A worker that ends sooner than this has failed at its start. */
const SETTLED_MS = 10_000
const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 10_000
/** So many failed starts in a row, of all workers together, are enough. */
const MAX_FAILED_STARTS = 5

/** Exit code of a supervisor whose workers fail as soon as they are started. */
export const WORKERS_FAIL = 3

export interface SupervisorOptions {
  readonly workers: number
  /** A worker that has not ended so long after it was told to is killed, ms. */
  readonly stopLimitMs: number
  /** All workers answer for the first time. */
  readonly onReady: (url: string) => void
  readonly say: (sentence: string) => void
}

/**
 * Keeps so many workers running, each a process that shares this one's listener. One that ends unasked is started again,
 * after a pause that doubles while starts fail. Resolves with an exit code: 0 when the workers ended as they were told to
 * (`SIGTERM`, `SIGINT`), 1 when one of them did not end in time or well, `WORKERS_FAIL` when starting them is of no use.
 */
export function superviseWorkers(options: SupervisorOptions): Promise<number> {
  return new Supervisor(options).run()
}

interface Member {
  readonly worker: Worker
  readonly startedAt: number
  isReady: boolean
}

class Supervisor {
  readonly #options: SupervisorOptions
  readonly #members = new Map<number, Member>()
  readonly #metrics = new MetricsGatherer()
  readonly #pauses = new Set<NodeJS.Timeout>()
  #failedStarts = 0
  #wasComplete = false
  #isStopping = false
  #code = 0
  #finish: (code: number) => void = () => undefined

  constructor(options: SupervisorOptions) {
    this.#options = options
  }

  run(): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<number>()
    this.#finish = resolve
    // Workers accept by themselves: a connection handed to one that dies in that moment would hang for ever.
    cluster.schedulingPolicy = cluster.SCHED_NONE
    cluster.on('message', (worker, message: FromWorker) => this.#hear(worker, message))
    cluster.on('exit', (worker, code, signal) => this.#ended(worker, signal ?? code))
    process.on('SIGTERM', () => this.#stop(0))
    process.on('SIGINT', () => this.#stop(0))
    process.on('SIGHUP', () => this.#signal('SIGHUP'))
    for (let index = 0; index < this.#options.workers; index += 1) this.#start()
    return promise
  }

  #start(): void {
    const worker = cluster.fork()
    // What was sent to one that has just died; that it did is told by its exit.
    worker.on('error', () => undefined)
    this.#members.set(worker.id, { worker, startedAt: performance.now(), isReady: false })
  }

  #hear(worker: Worker, message: FromWorker): void {
    switch (message.kind) {
      case 'ready':
        this.#ready(worker, message.url)
        return
      case 'own-metrics':
        this.#metrics.hear(message)
        return
      case 'ask-metrics':
        void this.#metrics
          .gather(this.#answering())
          .then((text) => tell(worker, { kind: 'all-metrics', question: message.question, text }))
        return
    }
  }

  #ready(worker: Worker, url: string): void {
    const member = this.#members.get(worker.id)
    if (member) member.isReady = true
    const isComplete = this.#answering().length === this.#options.workers
    const isFirst = isComplete && !this.#wasComplete
    this.#wasComplete ||= isComplete
    this.#tellStanding()
    if (isFirst) this.#options.onReady(url)
  }

  #answering(): Worker[] {
    return [...this.#members.values()].filter(({ isReady }) => isReady).map(({ worker }) => worker)
  }

  #tellStanding(): void {
    const ready = this.#answering()
    this.#metrics.noteReady(ready.length)
    const standing = { ready: ready.length, of: this.#options.workers, wasComplete: this.#wasComplete }
    for (const worker of ready) tell(worker, { kind: 'standing', ...standing })
  }

  #ended(worker: Worker, how: number | string): void {
    const member = this.#members.get(worker.id)
    this.#members.delete(worker.id)
    if (this.#isStopping) {
      if (how !== 0 && how !== 'SIGTERM' && how !== 'SIGINT') this.#code ||= 1
      if (this.#members.size === 0) this.#finish(this.#code)
      return
    }
    this.#tellStanding()
    const hasSettled = member?.isReady === true && performance.now() - member.startedAt >= SETTLED_MS
    this.#failedStarts = hasSettled ? 0 : this.#failedStarts + 1
    if (this.#failedStarts >= MAX_FAILED_STARTS) {
      this.#options.say(`workers end as soon as they are started (the last one with ${how}); giving up`)
      this.#stop(WORKERS_FAIL)
      return
    }
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** Math.max(this.#failedStarts - 1, 0), LONGEST_PAUSE_MS)
    this.#options.say(`worker ${worker.process.pid} ended with ${how}; another one starts in ${pauseMs} ms`)
    this.#metrics.noteRestart()
    const pause = setTimeout(() => {
      this.#pauses.delete(pause)
      this.#start()
    }, pauseMs)
    this.#pauses.add(pause)
  }

  #stop(code: number): void {
    if (this.#isStopping) return
    this.#isStopping = true
    this.#code = code
    for (const pause of this.#pauses) clearTimeout(pause)
    if (this.#members.size === 0) this.#finish(code)
    this.#signal('SIGTERM')
    setTimeout(() => {
      this.#options.say('workers did not end in time and are killed')
      this.#code ||= 1
      this.#signal('SIGKILL')
    }, this.#options.stopLimitMs).unref()
  }

  #signal(signal: NodeJS.Signals): void {
    for (const { worker } of this.#members.values()) worker.process.kill(signal)
  }
}

function tell(worker: Worker, message: ToWorker): void {
  if (worker.isConnected()) worker.send(message)
}
