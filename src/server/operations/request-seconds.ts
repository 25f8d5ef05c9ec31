import type { Metric, Registry } from 'prom-client'

const NAME = 'godwit_http_request_seconds'
const BUCKETS = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60]

/** Answers of one protocol. */
export class AnswerSeries {
  readonly protocol: string
  readonly #statuses = new Map<number, number>()
  readonly #buckets = new Float64Array(BUCKETS.length)
  #count = 0
  #short = 0
  #sum = 0

  constructor(protocol: string) {
    this.protocol = protocol
  }

  /** Counts an answer. Every poll passes here: no label is looked up and nothing is made. */
  add(status: number, seconds: number): void {
    this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1)
    this.#count += 1
    this.#sum += seconds
    for (let index = 0; index < BUCKETS.length; index++)
      if (seconds <= (BUCKETS[index] ?? 0)) {
        this.#buckets[index] = (this.#buckets[index] ?? 0) + 1
        return
      }
  }

  /** Counts an answer that was given in front of the framework. */
  addShort(status: number, seconds: number): void {
    this.#short += 1
    this.add(status, seconds)
  }

  /** How many of the answers were given in front of the framework. */
  get short(): number {
    return this.#short
  }

  statuses(): ReadonlyMap<number, number> {
    return this.#statuses
  }

  /** In Prometheus' form: each bucket holds those before it. */
  histogram() {
    const { protocol } = this
    let before = 0
    const buckets = BUCKETS.map((le, index) => {
      before += this.#buckets[index] ?? 0
      return { metricName: `${NAME}_bucket`, labels: { le, protocol }, value: before }
    })
    return [
      ...buckets,
      { metricName: `${NAME}_bucket`, labels: { le: '+Inf', protocol }, value: this.#count },
      { metricName: `${NAME}_sum`, labels: { protocol }, value: this.#sum },
      { metricName: `${NAME}_count`, labels: { protocol }, value: this.#count },
    ]
  }
}

/** Shows the series as one histogram; prom-client's own looks its labels up at each observation. */
export function showSeconds(registry: Registry, series: () => Iterable<AnswerSeries>): void {
  const metric = {
    name: NAME,
    get: async () => ({
      name: NAME,
      help: 'From request head to finished answer',
      type: 'histogram',
      aggregator: 'sum',
      values: [...series()].flatMap((one) => one.histogram()),
    }),
  }
  // All that a registry asks of a metric.
  registry.registerMetric(metric as unknown as Metric)
}
