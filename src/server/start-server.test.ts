import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { configFor } from '../../test/support/installation.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { SYSTEM } from '../core/event/event.ts'
import { startServer } from './start-server.ts'

const folder = await temporaryFolder()
afterAll(() => folder.remove())
const listening = (data: string) => ({
  ...configFor(join(folder.path, data)),
  host: '127.0.0.1',
  port: 0,
  log: 'silent' as const,
})

it('tells the password of the first account also when the start fails after it was made', async () => {
  const config = { ...listening('first'), ownerPassword: undefined }
  const told: string[] = []
  const onFirstPassword = (password: string) => void told.push(password)
  const beforeListening = () => Promise.reject(new Error('no such fleet file'))
  await expect(startServer(config, { onFirstPassword, beforeListening })).rejects.toThrow('no such fleet file')
  expect(told).toEqual([expect.stringMatching(/^\S{20}$/)])
  await (await startServer(config, { onFirstPassword })).stop()
  expect(told).toHaveLength(1)
})

it('makes no new master key beside a database that was made with another', async () => {
  const config = { ...listening('lost'), masterKey: undefined }
  await (await startServer(config)).stop()
  const key = join(config.data, 'master.key')
  rmSync(key)
  await expect(startServer(config)).rejects.toThrow(`${key} is missing`)
  expect(existsSync(key)).toBe(false)
})

it('tells devices to come back when more waits for the database than it may', async () => {
  const server = await startServer({ ...listening('full'), limits: { waitingTransactions: 1 } })
  const { core } = server
  const organisation = await core.organisations.create(SYSTEM, { key: 'acme' })
  const scope = { actor: SYSTEM, organisation: organisation.serial }
  const token = 't'.repeat(32)
  await core.devices.create(scope, { key: 'one', credentials: [{ scheme: 'native', secret: token }] })
  const stall = Promise.withResolvers<void>()
  const standing = core.deps.storage.transaction(() => stall.promise)
  const send = () =>
    fetch(`${server.url}/device/v1/reports`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ reports: [{ id: 'r1', update: 'u1', state: 'downloading' }] }),
    })
  const refused = await send()
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5'])
  expect(await refused.json()).toMatchObject({ code: 'unavailable', retryAfter: 5 })
  stall.resolve()
  await standing
  expect((await send()).status).toBe(200)
  await server.stop()
})
