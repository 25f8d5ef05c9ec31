import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { FileFlash, type Flash, HashOnlyFlash, MemoryFlash } from './flash.ts'

const folder = mkdtempSync(join(tmpdir(), 'godwit-flash-'))
afterAll(() => rmSync(folder, { recursive: true }))

const kinds: [string, () => Flash, boolean][] = [
  ['MemoryFlash', () => new MemoryFlash(), true],
  ['FileFlash', () => new FileFlash(join(folder, 'device.bin')), true],
  ['HashOnlyFlash', () => new HashOnlyFlash(), false],
]

describe.each(kinds)('%s', (_name, make, keepsBytes) => {
  const factsOf = (text: string): object => ({
    size: text.length,
    sha256: createHash('sha256').update(text).digest('hex'),
    md5: createHash('md5').update(text).digest('hex'),
  })
  const textOf = (bytes: Uint8Array | undefined): string | undefined =>
    bytes === undefined ? undefined : Buffer.from(bytes).toString()

  it('runs only what was activated', () => {
    const flash = make()
    expect([flash.running, flash.runningBytes()]).toEqual([undefined, undefined])
    flash.begin()
    flash.write(Buffer.from('one'))
    expect([flash.written, flash.staged(), flash.running]).toEqual([3, factsOf('one'), undefined])
    flash.write(Buffer.from('two'))
    expect(textOf(flash.stagedBytes())).toBe(keepsBytes ? 'onetwo' : undefined)
    flash.activate()
    flash.begin()
    flash.write(Buffer.from('broken'))
    expect(flash.running).toEqual(factsOf('onetwo'))
    expect(textOf(flash.runningBytes())).toBe(keepsBytes ? 'onetwo' : undefined)
  })

  it('takes a copy of what it is given', () => {
    const flash = make()
    const chunk = Buffer.from('abc')
    flash.begin()
    flash.write(chunk)
    chunk.fill(0)
    flash.activate()
    expect(textOf(flash.runningBytes())).toBe(keepsBytes ? 'abc' : undefined)
    expect(flash.running).toEqual(factsOf('abc'))
  })
})

it('FileFlash leaves the file and nothing else', () => {
  const path = join(folder, 'other.bin')
  const flash = new FileFlash(path)
  flash.begin()
  flash.write(Buffer.from('kept'))
  flash.activate()
  flash.begin()
  flash.write(Buffer.from('dropped'))
  flash.discard()
  expect(readFileSync(path, 'utf8')).toBe('kept')
  expect(existsSync(`${path}.spare`)).toBe(false)
})
