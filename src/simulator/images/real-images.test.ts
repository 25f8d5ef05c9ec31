import { valid } from 'semver'
import { describe, expect, it } from 'vitest'
import { realImages } from './real-images.ts'
import { fileInZip } from './zip.ts'

describe('realImages', () => {
  it('unpacks the images of the installed package', () => {
    const images = realImages() ?? []
    expect(images.map(({ board }) => board)).toEqual(
      expect.arrayContaining(['cityhub', 'essentialhub', 'movehub', 'primehub', 'technichub']),
    )
    for (const { bytes, version } of images) {
      expect(bytes.length).toBeGreaterThan(100_000)
      expect(valid(version)).toBe(version)
    }
    // An ARM vector table begins with the initial stack pointer, in RAM.
    const hub = images.find(({ board }) => board === 'primehub')
    expect((hub?.bytes[3] ?? 0) >>> 4).toBe(2)
  })
})

describe('fileInZip', () => {
  // Made by hand: one stored file `a` with the content `hi`.
  const local = '504b0304' + '0a00000000000000000000000000' + '02000000' + '02000000' + '01000000' + '61' + '6869'
  const entry =
    '504b0102' +
    '0a000a00000000000000000000000000' +
    '02000000' +
    '02000000' +
    '0100' +
    '0000'.repeat(6) +
    '00000000' +
    '61'
  const end = '504b0506' + '00000000' + '01000100' + '2f000000' + '21000000' + '0000'
  const archive = Buffer.from(local + entry + end, 'hex')

  it('reads a stored file and nothing else', () => {
    expect(Buffer.from(fileInZip(archive, 'a') ?? []).toString()).toBe('hi')
    expect(fileInZip(archive, 'b')).toBeUndefined()
    expect(fileInZip(Buffer.from('not a zip'), 'a')).toBeUndefined()
  })
})
