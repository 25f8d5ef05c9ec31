import type { Worker } from 'node:cluster'
import { AggregatorRegistry, Counter, Gauge, Registry } from 'prom-client'
import type { FromWorker, ProcessMetrics, ToWorker } from './messages.ts'

/** A worker that does not say what it counts within so long is left out. */
const PATIENCE_MS = 2_000

/** The metrics of all workers as one text: counts are added up, and so are gauges. */
export class MetricsGatherer {
  readonly #own = new Registry()
  readonly #workers: Gauge
  readonly #restarts: Counter
  readonly #open = new Map<number, (metrics: ProcessMetrics) => void>()
  #asked = 0

  constructor() {
    const registers = [this.#own]
    this.#workers = new Gauge({ name: 'godwit_workers', help: 'Workers that answer', registers })
    this.#restarts = new Counter({
      name: 'godwit_worker_restarts_total',
      help: 'Workers that ended unasked and were started again',
      registers,
    })
  }

  noteReady(workers: number): void {
    this.#workers.set(workers)
  }

  noteRestart(): void {
    this.#restarts.inc()
  }

  /** Takes a worker's answer. */
  hear(message: Extract<FromWorker, { kind: 'own-metrics' }>): void {
    this.#open.get(message.question)?.(message.metrics)
  }

  async gather(workers: readonly Worker[]): Promise<string> {
    const parts = await Promise.all(workers.map((worker) => this.#ask(worker)))
    const own = (await this.#own.getMetricsAsJSON()) as ProcessMetrics
    return AggregatorRegistry.aggregate([...parts, own]).metrics()
  }

  #ask(worker: Worker): Promise<ProcessMetrics> {
    const question = this.#asked++
    return new Promise((resolve) => {
      const finish = (metrics: ProcessMetrics) => {
        clearTimeout(timer)
        this.#open.delete(question)
        resolve(metrics)
      }
      const timer = setTimeout(finish, PATIENCE_MS, [])
      this.#open.set(question, finish)
      worker.send({ kind: 'give-metrics', question } satisfies ToWorker)
    })
  }
}
