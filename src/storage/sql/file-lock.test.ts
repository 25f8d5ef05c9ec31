import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type TemporaryFolder, temporaryFolder } from '../../../test/support/temporary-folder.ts'
import { FileLock } from './file-lock.ts'

describe('file lock', () => {
  let folder: TemporaryFolder
  const file = () => join(folder.path, 'godwit.db')
  beforeEach(async () => {
    folder = await temporaryFolder()
  })
  afterEach(() => folder.remove())

  it('is held once in a process, until it is released', () => {
    const lock = new FileLock(file())
    expect(() => new FileLock(file())).toThrow('Another process')
    lock.release()
    new FileLock(file()).release()
  })

  it('is held against other processes, and ends with its holder, however that ends', async () => {
    const source = `import { FileLock } from ${JSON.stringify(new URL('./file-lock.ts', import.meta.url).href)}
      const lock = new FileLock(${JSON.stringify(file())})
      console.log('held')
      setInterval(() => lock, 1000)`
    const holder = spawn(process.execPath, ['--input-type=module', '--eval', source], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    try {
      await once(holder.stdout, 'data')
      expect(() => new FileLock(file())).toThrow('Another process')
    } finally {
      holder.kill('SIGKILL')
      await once(holder, 'exit')
    }
    new FileLock(file()).release()
  })
})
