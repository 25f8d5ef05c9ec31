import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { esp32Image, parseEsp32Image } from './esp32-image.ts'

const image = esp32Image({ version: '1.2.7', project: 'panel', size: 4096 })

describe('esp32Image', () => {
  it.each(['esp32', 'esp32s2', 'esp32s3', 'esp32c3'] as const)('is read back whole for %s', (chip) => {
    const parsed = parseEsp32Image(esp32Image({ version: '2.0.0-rc.1', project: 'gate', size: 100_000, chip }))
    expect(parsed).toMatchObject({ kind: 'image', chip, version: '2.0.0-rc.1', project: 'gate', idfVersion: 'v4.4.4' })
  })

  it('is deterministic, and differs by version, seed and chip', () => {
    const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
    const digests = [
      esp32Image({ version: '1.2.7', project: 'panel', size: 4096 }),
      esp32Image({ version: '1.2.8', project: 'panel', size: 4096 }),
      esp32Image({ version: '1.2.7', project: 'panel', size: 4096, seed: 7 }),
      esp32Image({ version: '1.2.7', project: 'panel', size: 4096, chip: 'esp32s3' }),
    ].map(digest)
    expect(digests[0]).toBe(digest(image))
    expect(new Set(digests).size).toBe(4)
  })

  it.each([
    [0, 1024],
    [1024, 1024],
    [65_537, 65_536],
    [1_310_720, 1_310_720],
  ])('asked for %i bytes makes %i', (size, made) => {
    const bytes = esp32Image({ version: '1', size })
    expect(bytes.length).toBe(made)
    expect(parseEsp32Image(bytes).kind).toBe('image')
  })

  it('maps its flash segments where their file offsets allow it', () => {
    const parsed = parseEsp32Image(esp32Image({ version: '1', size: 300_000 }))
    if (parsed.kind !== 'image') throw new Error(parsed.reason)
    expect(parsed.segments).toHaveLength(4)
    for (const segment of [parsed.segments[0], parsed.segments[3]]) {
      expect((segment?.address ?? 0) % 0x10000).toBe((segment?.offset ?? 1) % 0x10000)
    }
  })

  it('refuses names that do not fit', () => {
    expect(() => esp32Image({ version: 'x'.repeat(32) })).toThrow(RangeError)
    expect(() => esp32Image({ version: '1', project: 'ü'.repeat(16) })).toThrow(RangeError)
  })
})

describe('parseEsp32Image', () => {
  const parsed = parseEsp32Image(image)
  if (parsed.kind !== 'image') throw new Error(parsed.reason)
  const [drom, , , irom] = parsed.segments
  const description = drom?.offset ?? 0
  const hashAt = image.length - 32

  it.each<[string, number, string]>([
    ['magic byte', 0, 'header'],
    ['segment count', 1, 'hash'],
    ['flash mode', 2, 'hash'],
    ['entry point', 4, 'hash'],
    ['chip id', 12, 'header'],
    ['hash flag', 23, 'header'],
    ['load address', 24, 'hash'],
    ['segment length', 28, 'segments'],
    ['description magic', description, 'checksum'],
    ['version', description + 16, 'checksum'],
    ['project', description + 48, 'checksum'],
    ['first code byte', irom?.offset ?? 0, 'checksum'],
    ['padding', hashAt - 2, 'hash'],
    ['checksum', hashAt - 1, 'checksum'],
    ['first hash byte', hashAt, 'hash'],
    ['last hash byte', image.length - 1, 'hash'],
  ])('refuses a flipped %s', (_what, at, region) => {
    expect(parseEsp32Image(flipped(at))).toMatchObject({ kind: 'refused', region })
  })

  it('refuses every single flipped byte', () => {
    const accepted = Array.from(image.keys()).filter((at) => parseEsp32Image(flipped(at)).kind === 'image')
    expect(accepted).toEqual([])
  })

  it.each([
    ['nothing', new Uint8Array()],
    ['a header alone', image.subarray(0, 24)],
    ['an image cut short', image.subarray(0, image.length - 1)],
    ['an image with a byte more', Buffer.concat([image, Buffer.of(0)])],
    ['text', Buffer.from('<html>Not an image at all, but long enough to hold a header</html>')],
  ])('refuses %s', (_what, bytes) => {
    expect(parseEsp32Image(bytes).kind).toBe('refused')
  })

  it('refuses an intact image without an application description', () => {
    const bytes = Buffer.from(image)
    // Two equal flips leave the XOR as it was; the digest is made anew.
    bytes[description] = (bytes[description] ?? 0) ^ 1
    bytes[description + 4] = (bytes[description + 4] ?? 0) ^ 1
    createHash('sha256').update(bytes.subarray(0, hashAt)).digest().copy(bytes, hashAt)
    expect(parseEsp32Image(bytes)).toMatchObject({ kind: 'refused', region: 'description' })
  })

  function flipped(at: number): Uint8Array {
    const bytes = Uint8Array.from(image)
    bytes[at] = (bytes[at] ?? 0) ^ 0x01
    return bytes
  }
})
