import { inflateRawSync } from 'node:zlib'

const END_OF_DIRECTORY = 0x06054b50
const DIRECTORY_ENTRY = 0x02014b50
const DIRECTORY_ENTRY_BYTES = 46

/** Reads one stored or deflated file out of a zip archive; undefined when it is not there or cannot be read. */
export function fileInZip(archive: Uint8Array, name: string): Uint8Array | undefined {
  const zip = Buffer.from(archive.buffer, archive.byteOffset, archive.byteLength)
  const endAt = zip.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'))
  if (endAt < 0 || zip.readUInt32LE(endAt) !== END_OF_DIRECTORY) return undefined
  const count = zip.readUInt16LE(endAt + 10)
  let at = zip.readUInt32LE(endAt + 16)
  for (let index = 0; index < count; index += 1) {
    if (at + DIRECTORY_ENTRY_BYTES > zip.length || zip.readUInt32LE(at) !== DIRECTORY_ENTRY) return undefined
    const nameLength = zip.readUInt16LE(at + 28)
    const entryName = zip.toString('utf8', at + DIRECTORY_ENTRY_BYTES, at + DIRECTORY_ENTRY_BYTES + nameLength)
    if (entryName === name) return contentOf(zip, at)
    at += DIRECTORY_ENTRY_BYTES + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32)
  }
  return undefined
}

function contentOf(zip: Buffer, entryAt: number): Uint8Array | undefined {
  const method = zip.readUInt16LE(entryAt + 10)
  const packed = zip.readUInt32LE(entryAt + 20)
  const size = zip.readUInt32LE(entryAt + 24)
  const localAt = zip.readUInt32LE(entryAt + 42)
  const dataAt = localAt + 30 + zip.readUInt16LE(localAt + 26) + zip.readUInt16LE(localAt + 28)
  const data = zip.subarray(dataAt, dataAt + packed)
  const content = method === 8 ? inflateRawSync(data) : method === 0 ? data : undefined
  return content?.length === size ? content : undefined
}
