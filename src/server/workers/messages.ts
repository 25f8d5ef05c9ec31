import type { MetricObjectWithValues, MetricValue } from 'prom-client'

/** The metrics of one process, as `Registry#getMetricsAsJSON` gives them. */
export type ProcessMetrics = MetricObjectWithValues<MetricValue<string>>[]

/** How many workers answer, and whether all of them ever did. */
export interface Standing {
  readonly ready: number
  readonly of: number
  readonly wasComplete: boolean
}

export type FromWorker =
  | { readonly kind: 'ready'; readonly url: string }
  | { readonly kind: 'ask-metrics'; readonly question: number }
  | { readonly kind: 'own-metrics'; readonly question: number; readonly metrics: ProcessMetrics }

export type ToWorker =
  | ({ readonly kind: 'standing' } & Standing)
  | { readonly kind: 'give-metrics'; readonly question: number }
  | { readonly kind: 'all-metrics'; readonly question: number; readonly text: string }
