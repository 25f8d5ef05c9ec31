import { describe, expect, it } from 'vitest'
import { fixedClock } from '../../../test/support/fixed-clock.ts'
import { newEvent } from '../../../test/support/rows.ts'
import { STORAGES } from '../../../test/support/storages.ts'
import { createTestCore, newScope } from '../../../test/support/test-core.ts'
import { Receivers } from '../../../test/support/webhook-receivers.ts'
import { WebhookDelivery } from './webhook-delivery.ts'

describe.each(STORAGES)('deliveries while others write, on $name', ({ open }) => {
  it('are whole, in order and without repetition', { timeout: 60_000 }, async () => {
    const storage = await open()
    try {
      const clock = fixedClock()
      const core = createTestCore({ clock, storage })
      const scope = await newScope(core)
      const { webhook } = await core.webhooks.create(scope, { url: 'https://a.example.test/hook', types: ['a'] })
      const receivers = new Receivers()
      receivers.answer = async () => {
        await new Promise((resume) => setImmediate(resume))
        return { kind: 'answered', status: 200 }
      }
      // Two processes where there may be two.
      const processes = storage.invalidation.isSoleWriter ? 1 : 2
      const deliveries = Array.from({ length: processes }, () => new WebhookDelivery(core.deps, receivers))
      const [writers, rounds] = [4, 15]
      const writing = Promise.all(
        Array.from({ length: writers }, async (_, writer) => {
          for (let round = 0; round < rounds; round += 1)
            await storage.transaction(async (stores) => {
              await stores.events.append(newEvent(scope.organisation, { type: 'a.x', details: { writer, round } }))
              for (let turn = 0; turn < (writer * 5 + round) % 7; turn += 1)
                await new Promise((resume) => setImmediate(resume))
            })
        }),
      )
      let isOver = false
      const over = writing.then(() => {
        isOver = true
      })
      await Promise.all(
        deliveries.map(async (delivery) => {
          for (let quiet = 0; quiet < 3; ) {
            const isMore = await delivery.turn()
            quiet = isOver && !isMore ? quiet + 1 : 0
          }
        }),
      )
      await over
      const events = await storage.read.events.list({ organisation: scope.organisation, type: 'a' }, { limit: 999 })
      expect(receivers.requests.map(({ headers }) => headers['webhook-id'])).toEqual(events.map(({ id }) => id))
      expect(events).toHaveLength(writers * rounds)
      expect((await storage.read.webhooks.progress(webhook.serial))?.leaseOwner).toBeNull()
    } finally {
      await storage.close()
    }
  })
})
