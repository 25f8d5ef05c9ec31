import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { configFor } from '../../test/support/installation.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
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
