import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { blocksOf } from '../../../test/support/markdown.ts'
import { signDelivery } from './sign-delivery.ts'

const page = fileURLToPath(new URL('../../../docs/events.md', import.meta.url))
const secret = `whsec_${Buffer.alloc(33, 5).toString('base64')}`
const former = `whsec_${Buffer.alloc(24, 6).toString('base64')}`
const body = '{"type":"device.created","details":{"key":"größe"}}'
const timestamp = 1_795_512_608

type Check = (headers: Record<string, string>, body: string, secret: string, now?: number) => boolean

it('the check that docs/events.md shows takes what the server signs, and nothing else', async () => {
  const [block, ...others] = blocksOf(page).filter(({ language }) => language === 'js')
  expect(others).toEqual([])
  const { isFromGodwit: check } = (await import(`data:text/javascript,${encodeURIComponent(block?.text ?? '')}`)) as {
    isFromGodwit: Check
  }
  const signed = { id: 'abc', timestamp, body }
  const headers = (secrets: string[]) => ({
    'webhook-id': 'abc',
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signDelivery(secrets, signed),
  })
  const now = timestamp * 1000
  expect(check(headers([secret]), body, secret, now)).toBe(true)
  expect(check(headers([secret, former]), body, former, now + 299_000)).toBe(true)
  expect(check(headers([secret]), body, former, now)).toBe(false)
  expect(check(headers([secret]), `${body} `, secret, now)).toBe(false)
  expect(check({ ...headers([secret]), 'webhook-id': 'abd' }, body, secret, now)).toBe(false)
  expect(check({ ...headers([secret]), 'webhook-timestamp': String(timestamp + 1) }, body, secret, now)).toBe(false)
  expect(check(headers([secret]), body, secret, now + 301_000)).toBe(false)
  expect(check({ 'webhook-id': 'abc' }, body, secret, now)).toBe(false)
  expect(check({ ...headers([secret]), 'webhook-signature': '' }, body, secret, now)).toBe(false)
})
