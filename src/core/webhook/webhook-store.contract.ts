import { describe, expect, it } from 'vitest'
import { newDeadLetter, newOrganisation, newWebhook } from '../../../test/support/rows.ts'
import { expectSlices, times, useStorage } from '../../../test/support/storage-suite.ts'
import type { Storage } from '../ports.ts'
import type { Webhook } from './webhook.ts'

export function describeWebhookStores(name: string, open: () => Promise<Storage>): void {
  const begin = { position: 7, at: 1000 }

  describe(`webhook store: ${name}`, () => {
    const suite = useStorage(open)
    const insertOrganisation = async () =>
      (await suite.write((stores) => stores.organisations.insert(newOrganisation()))).serial
    const insert = (organisation: number, given: Parameters<typeof newWebhook>[1] = {}) =>
      suite.write((stores) => stores.webhooks.insert(newWebhook(organisation, given), begin))

    it('returns a webhook whole, and only to its organisation', async () => {
      const [mine, other] = [await insertOrganisation(), await insertOrganisation()]
      const row = newWebhook(mine, { types: ['device', 'update.failed'], sealedFormer: 'former', formerUntil: 2 ** 41 })
      const webhook = await suite.write((stores) => stores.webhooks.insert(row, begin))
      expect(webhook).toEqual({ ...row, serial: expect.any(Number), revision: 1 })
      expect(await suite.read.webhooks.find(webhook.serial)).toEqual(webhook)
      expect(await suite.read.webhooks.findById(mine, row.id)).toEqual(webhook)
      expect(await suite.read.webhooks.findById(other, row.id)).toBeUndefined()
      expect(await suite.read.webhooks.progress(webhook.serial)).toEqual({
        webhook: webhook.serial,
        position: 7,
        activeSince: 1000,
        attempts: 0,
        failures: 0,
        givenUp: 0,
        dueAt: 0,
        pausedAt: null,
        pauseReason: null,
        leaseOwner: null,
        leaseUntil: 0,
        attemptedAt: null,
        lastStatus: null,
        lastError: null,
        deliveredAt: null,
      })
    })

    it('changes a webhook of the expected revision, whatever its deliveries do', async () => {
      const webhook = await insert(await insertOrganisation())
      await suite.write((stores) => stores.webhooks.setProgress(webhook.serial, { position: 9 }))
      const patch = { url: 'https://other.example.test/', active: false, types: ['product'] }
      const changed = await suite.write((stores) => stores.webhooks.update(webhook.serial, patch, 1))
      expect(changed).toEqual({ ...webhook, ...patch, revision: 2 })
      expect(await suite.write((stores) => stores.webhooks.update(webhook.serial, patch, 1))).toBeUndefined()
    })

    it('slices a list', async () => {
      const organisation = await insertOrganisation()
      const all = await times(5, () => insert(organisation))
      await insert(await insertOrganisation())
      await expectSlices((slice) => suite.storage.management.webhooks.list(organisation, slice), all)
    })

    it('lists what is due', async () => {
      const organisation = await insertOrganisation()
      const due = await insert(organisation)
      await insert(organisation, { active: false })
      const [paused, later, leased] = [
        await insert(organisation),
        await insert(organisation),
        await insert(organisation),
      ]
      const alsoDue = await insert(organisation)
      await suite.write(async ({ webhooks }) => {
        await webhooks.setProgress(paused.serial, { pausedAt: 1 })
        await webhooks.setProgress(later.serial, { dueAt: 5001 })
        await webhooks.lease(leased.serial, { owner: 'a', now: 4000, until: 5001 })
      })
      const serials = async (now: number, slice: { limit: number; after?: number }, owner = 'b') =>
        (await suite.read.webhooks.listDue({ owner, now }, slice))
          .filter(({ webhook }) => webhook.organisation === organisation)
          .map(({ webhook }) => webhook.serial)
      expect(await serials(5000, { limit: 1000 })).toEqual([due.serial, alsoDue.serial])
      expect(await serials(5001, { limit: 1000 })).toEqual([due.serial, later.serial, leased.serial, alsoDue.serial])
      expect(await serials(5000, { limit: 1000 }, 'a')).toEqual([due.serial, leased.serial, alsoDue.serial])
      expect(await serials(5000, { limit: 1000, after: due.serial })).toEqual([alsoDue.serial])
      const progress = await suite.read.webhooks.progress(due.serial)
      expect(await suite.read.webhooks.listDue({ owner: 'b', now: 5000 }, { limit: 1, after: due.serial - 1 })).toEqual(
        [{ webhook: due, progress }],
      )
    })

    it('gives a lease to one of many that want it at once, until it ends', async () => {
      const { serial } = await insert(await insertOrganisation())
      const lease = (owner: string, now: number) =>
        suite.write((stores) => stores.webhooks.lease(serial, { owner, now, until: now + 100 }))
      const got = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((owner) => lease(owner, 1000)))
      const [held] = got.filter((one) => one !== undefined)
      expect(got.filter((one) => one !== undefined)).toHaveLength(1)
      const owner = held?.leaseOwner ?? ''
      expect(await lease('z', 1099)).toBeUndefined()
      expect(await lease(owner, 1050)).toMatchObject({ leaseOwner: owner, leaseUntil: 1150 })
      expect(await lease('z', 1100)).toBeUndefined()
      expect(await lease('z', 1150)).toMatchObject({ leaseOwner: 'z', leaseUntil: 1250 })
    })

    it('takes progress from the holder of the lease alone, and from whoever needs none', async () => {
      const { serial } = await insert(await insertOrganisation())
      const set = (patch: object, owner?: string) =>
        suite.write((stores) => stores.webhooks.setProgress(serial, patch, owner))
      await suite.write((stores) => stores.webhooks.lease(serial, { owner: 'a', now: 1000, until: 2000 }))
      const patch = { position: 12, attempts: 1, failures: 2, lastStatus: 503, lastError: 'it answered 503' }
      expect(await set({ position: 99 }, 'b')).toBe(false)
      expect(await set(patch, 'a')).toBe(true)
      expect(await set({ pausedAt: 5, pauseReason: 'enough' })).toBe(true)
      expect(await set({ lastStatus: null, leaseOwner: null, leaseUntil: 0 }, 'a')).toBe(true)
      expect(await suite.read.webhooks.progress(serial)).toMatchObject({
        ...patch,
        lastStatus: null,
        pausedAt: 5,
        pauseReason: 'enough',
        leaseOwner: null,
      })
      expect(await suite.write((stores) => stores.webhooks.setProgress(serial + 9999, patch))).toBe(false)
    })

    it('goes with its progress and dead letters', async () => {
      const webhook = await insert(await insertOrganisation())
      const letter = await suite.write((stores) => stores.deadLetters.insert(newDeadLetter(webhook)))
      await suite.write((stores) => stores.webhooks.delete(webhook.serial))
      expect(await suite.read.webhooks.find(webhook.serial)).toBeUndefined()
      expect(await suite.read.webhooks.progress(webhook.serial)).toBeUndefined()
      expect(await suite.read.deadLetters.findById(webhook.serial, letter.id)).toBeUndefined()
    })
  })

  describe(`dead letter store: ${name}`, () => {
    const suite = useStorage(open)
    const insertWebhook = (): Promise<Webhook> =>
      suite.write(async (stores) => {
        const { serial } = await stores.organisations.insert(newOrganisation())
        return stores.webhooks.insert(newWebhook(serial), begin)
      })
    const insert = (...given: Parameters<typeof newDeadLetter>) =>
      suite.write((stores) => stores.deadLetters.insert(newDeadLetter(...given)))

    it('returns a letter whole, and only for its webhook', async () => {
      const [webhook, other] = [await insertWebhook(), await insertWebhook()]
      const row = newDeadLetter(webhook, { body: '{"a":"ä"}', lastStatus: null })
      const letter = await suite.write((stores) => stores.deadLetters.insert(row))
      expect(letter).toEqual({ ...row, serial: expect.any(Number), revision: 1 })
      expect(await suite.read.deadLetters.findById(webhook.serial, row.id)).toEqual(letter)
      expect(await suite.read.deadLetters.findById(other.serial, row.id)).toBeUndefined()
      const patch = { attempts: 4, lastStatus: 404, queuedAt: 5 }
      const changed = await suite.write((stores) => stores.deadLetters.update(letter.serial, patch))
      expect(changed).toEqual({ ...letter, ...patch, revision: 2 })
      await suite.write((stores) => stores.deadLetters.delete(letter.serial))
      expect(await suite.read.deadLetters.findById(webhook.serial, row.id)).toBeUndefined()
    })

    it('slices a list, counts, and queues all of one webhook', async () => {
      const [webhook, other] = [await insertWebhook(), await insertWebhook()]
      const all = await times(5, () => insert(webhook))
      await insert(other)
      await expectSlices((slice) => suite.storage.management.deadLetters.list({ webhook: webhook.serial }, slice), all)
      expect(await suite.read.deadLetters.count(webhook.serial)).toBe(5)
      await suite.write((stores) => stores.deadLetters.update(all[1]?.serial ?? 0, { queuedAt: 3 }))
      const queued = async () =>
        (await suite.read.deadLetters.list({ webhook: webhook.serial, isQueued: true }, { limit: 9 })).map(
          ({ queuedAt }) => queuedAt,
        )
      expect(await queued()).toEqual([3])
      expect(await suite.write((stores) => stores.deadLetters.queueAll(webhook.serial, 4))).toBe(4)
      expect(await queued()).toEqual([4, 3, 4, 4, 4])
      expect(await suite.read.deadLetters.webhooksWithQueued()).toEqual([webhook.serial])
      expect(await suite.read.deadLetters.list({ webhook: other.serial, isQueued: true }, { limit: 9 })).toEqual([])
    })

    it('deletes what was made before a time, in batches', async () => {
      const webhook = await insertWebhook()
      for (const createdAt of [1000, 1000, 1000, 2000]) await insert(webhook, { createdAt })
      const collect = (limit: number) => suite.write((stores) => stores.deadLetters.deleteBefore(2000, limit))
      expect(await collect(2)).toBe(2)
      expect(await collect(2)).toBe(1)
      expect(await collect(2)).toBe(0)
      expect(await suite.read.deadLetters.count(webhook.serial)).toBe(1)
    })
  })
}
