import { Histogram } from './histogram.ts'
import { type LoadResult, type RequestsJob, requestsOf } from './job.ts'
import { Lane } from './lane.ts'

/** How long answers are waited for when the time is over, ms. */
const DRAIN_MS = 10_000

/** Sends the requests of a job and waits for every answer. */
export function runRequests(job: RequestsJob): Promise<Omit<LoadResult, 'generatorSeconds'>> {
  return new RequestRun(job).run()
}

class RequestRun {
  readonly #job: RequestsJob
  readonly #requestOf: (number: number) => Uint8Array
  readonly #times = new Histogram()
  readonly #lanes: Lane[]
  readonly #idle: Lane[] = []
  readonly #over = Promise.withResolvers<void>()
  #startedAt = 0
  #endAt = 0
  #sent = 0
  #inFlight = 0
  #answered = 0
  #failures = 0
  #bytes = 0
  #firstFailure: string | undefined

  constructor(job: RequestsJob) {
    this.#job = job
    this.#requestOf = requestsOf(job.source, new URL(job.url).host)
    const options = { url: job.url, newConnections: job.newConnections ?? false }
    const events = {
      answered: ({ bytes }: { bytes: number }, ms: number) => {
        this.#answered += 1
        this.#bytes += bytes
        this.#times.add(ms)
      },
      failed: (why: string) => this.#fail(why),
      free: (lane: Lane) => this.#free(lane),
    }
    this.#lanes = Array.from({ length: job.connections }, () => new Lane(options, events))
  }

  async run(): Promise<Omit<LoadResult, 'generatorSeconds'>> {
    const { seconds, rate, newConnections } = this.#job
    if (!newConnections) await Promise.all(this.#lanes.map((lane) => lane.open()))
    this.#startedAt = performance.now()
    this.#endAt = this.#startedAt + seconds * 1000
    this.#inFlight = this.#lanes.length
    const pacer = rate === undefined ? undefined : setInterval(() => this.#sendDue(rate), 1)
    const giveUp = setTimeout(() => this.#giveUp(), seconds * 1000 + DRAIN_MS)
    for (const lane of this.#lanes) this.#free(lane)
    await this.#over.promise
    const elapsed = (performance.now() - this.#startedAt) / 1000
    clearInterval(pacer)
    clearTimeout(giveUp)
    for (const lane of this.#lanes) lane.close()
    return {
      requests: this.#answered,
      failures: this.#failures,
      ...(this.#firstFailure !== undefined && { firstFailure: this.#firstFailure }),
      bytes: this.#bytes,
      seconds: elapsed,
      p50Ms: this.#times.percentile(0.5),
      p99Ms: this.#times.percentile(0.99),
      maxMs: this.#times.maxMs,
    }
  }

  #free(lane: Lane): void {
    this.#inFlight -= 1
    const now = performance.now()
    if (this.#job.rate === undefined && this.#hasMore(now)) {
      this.#send(lane, now)
      return
    }
    this.#idle.push(lane)
    this.#endIfDone(now)
  }

  /** Sends what is due by now as far as lanes are free; what has to wait is late, and that counts. */
  #sendDue(rate: number): void {
    const now = performance.now()
    const due = Math.floor(((Math.min(now, this.#endAt) - this.#startedAt) * rate) / 1000)
    while (this.#sent < due) {
      const lane = this.#idle.pop()
      if (!lane) return
      this.#send(lane, this.#startedAt + (this.#sent * 1000) / rate)
    }
    this.#endIfDone(now)
  }

  #send(lane: Lane, dueAt: number): void {
    const number = (this.#job.from ?? 0) + this.#sent
    this.#sent += 1
    this.#inFlight += 1
    lane.send(this.#requestOf(number), dueAt)
  }

  #hasMore(now: number): boolean {
    return now < this.#endAt && this.#sent < (this.#job.limit ?? Number.POSITIVE_INFINITY)
  }

  #endIfDone(now: number): void {
    if (this.#inFlight === 0 && !this.#hasMore(now)) this.#over.resolve()
  }

  #fail(why: string): void {
    this.#failures += 1
    this.#firstFailure ??= why
  }

  #giveUp(): void {
    this.#fail(`${this.#inFlight} requests were never answered`)
    this.#over.resolve()
  }
}
