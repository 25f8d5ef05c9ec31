import type { FastifyBaseLogger } from 'fastify'
import type { Core } from '../../core/create-core.ts'
import { WebhookDelivery } from '../../core/webhook/webhook-delivery.ts'
import type { WebhookSender } from '../../core/webhook/webhook-sender.ts'

/** Retries, and events of other processes that these did not deliver themselves, are seen so late at most. */
const EVERY_MS = 1000
/** Changes that come so close together are one. */
const GATHER_MS = 50

export interface WebhookJob {
  /** Ends after the attempts at hand. */
  stop(): Promise<void>
}

/** Delivers to webhooks for as long as the server runs: soon after each change, and each second. */
export function startWebhookJob(core: Core, sender: WebhookSender, log: FastifyBaseLogger): WebhookJob {
  const delivery = new WebhookDelivery(core.deps, sender)
  let running: Promise<void> | undefined
  let isStopped = false
  let gathering: NodeJS.Timeout | undefined

  async function run(): Promise<void> {
    try {
      while (!isStopped && (await delivery.turn()));
    } catch (error) {
      log.error({ err: error, job: 'webhooks' }, 'background job failed')
    } finally {
      running = undefined
    }
  }
  const wake = () => {
    if (!isStopped) running ??= run()
  }
  const timer = setInterval(wake, EVERY_MS).unref()
  core.deps.storage.onChange((_changes, origin) => {
    // What another process committed wakes that one.
    if (isStopped || origin === 'other') return
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
      delivery.stop()
      await running
    },
  }
}
