import type { FastifyBaseLogger } from 'fastify'
import type { Core } from '../../core/create-core.ts'
import { isLeaseLost } from '../../core/lease/fenced-storage.ts'
import { WebhookDelivery } from '../../core/webhook/webhook-delivery.ts'
import type { WebhookSender } from '../../core/webhook/webhook-sender.ts'
import { type JobLeases, soleLeases, type Turn } from '../nodes/job-leases.ts'

/** Retries are seen so late at most. */
const EVERY_MS = 1000
/** Changes that come so close together are one. */
const GATHER_MS = 50

/** The lease of the one node that delivers. */
export const WEBHOOKS = 'webhooks'

export interface WebhookJob {
  /** Ends after the attempts at hand, then lets another node go on. */
  stop(): Promise<void>
}

export interface WebhookJobOptions {
  readonly core: Core
  readonly sender: WebhookSender
  readonly log: FastifyBaseLogger
  /** Every job is this process's own unless given. */
  readonly leases?: JobLeases
}

/**
 * Delivers to webhooks for as long as the server runs: soon after each change, and each second. Of many nodes the one
 * that holds the lease does; a node that lost it sends nothing any more and cannot write that it did.
 */
export function startWebhookJob({ core, sender, log, leases = soleLeases(core.deps) }: WebhookJobOptions): WebhookJob {
  let delivery: WebhookDelivery | undefined
  let own: Turn | undefined
  let running: Promise<void> | undefined
  let isStopped = false
  let gathering: NodeJS.Timeout | undefined

  function current(): WebhookDelivery | undefined {
    const turn = leases.turn(WEBHOOKS)
    if (turn !== own) {
      own = turn
      delivery = turn && new WebhookDelivery(turn.deps, sender, { isAlone: true, mayGoOn: turn.isCurrent })
    }
    return delivery
  }
  async function run(): Promise<void> {
    try {
      while (!isStopped && (await current()?.turn()));
    } catch (error) {
      if (isLeaseLost(error)) log.warn({ job: WEBHOOKS }, 'another node delivers now')
      else log.error({ err: error, job: WEBHOOKS }, 'background job failed')
    } finally {
      running = undefined
    }
  }
  const wake = () => {
    if (!isStopped) running ??= run()
  }
  const timer = setInterval(wake, EVERY_MS).unref()
  // Also what other processes commit: one of all delivers.
  core.deps.storage.onChange(() => {
    if (isStopped) return
    gathering ??= setTimeout(() => {
      gathering = undefined
      wake()
    }, GATHER_MS).unref()
  })
  return {
    async stop() {
      isStopped = true
      clearInterval(timer)
      clearTimeout(gathering)
      delivery?.stop()
      await running
      await leases.release([WEBHOOKS]).catch((error) => log.warn({ err: error }, 'the lease ends by itself'))
    },
  }
}
