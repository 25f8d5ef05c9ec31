import { describe, expect, it } from 'vitest'
import { CorruptFlash, DyingFlash, PowerLoss } from './faulty-flash.ts'
import { HashOnlyFlash } from './flash.ts'

describe('broken flash', () => {
  it('gives other digests than those of the bytes', () => {
    const [good, bad] = [new HashOnlyFlash(), new CorruptFlash()]
    for (const flash of [good, bad]) {
      flash.begin()
      flash.write(Buffer.from('firmware'))
    }
    expect(bad.staged().size).toBe(good.staged().size)
    expect(bad.staged().sha256).not.toBe(good.staged().sha256)
    expect(bad.staged().md5).not.toBe(good.staged().md5)
  })

  it('kills the device when it begins to write', () => {
    expect(() => new DyingFlash().begin()).toThrow(PowerLoss)
  })
})
