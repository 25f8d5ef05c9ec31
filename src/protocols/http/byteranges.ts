import type { DownloadArtifact } from './download-policy.ts'
import type { ByteRange } from './parse-range.ts'
import type { Segment, SendPlan } from './send-plan.ts'

/** A 206 of several ranges as `multipart/byteranges` (RFC 9110, 14.6) of exactly known length. */
export function byteranges(
  ranges: readonly ByteRange[],
  artifact: DownloadArtifact,
  common: Readonly<Record<string, string>>,
): SendPlan {
  // The boundary is part of the file's own SHA-256, which the file cannot be made to contain.
  const boundary = `part-${artifact.sha256.slice(0, 32)}`
  const type = common['content-type'] ?? 'application/octet-stream'
  const segments: Segment[] = []
  for (const range of ranges) {
    const lead = segments.length === 0 ? '' : '\r\n'
    const head = `${lead}--${boundary}\r\ncontent-type: ${type}\r\ncontent-range: bytes ${range.start}-${range.end}/${artifact.size}\r\n\r\n`
    segments.push({ kind: 'bytes', bytes: Buffer.from(head, 'latin1') }, { kind: 'file', range })
  }
  segments.push({ kind: 'bytes', bytes: Buffer.from(`\r\n--${boundary}--\r\n`, 'latin1') })
  const length = segments.reduce((sum, segment) => sum + segmentLength(segment), 0)
  return {
    kind: 'send',
    status: 206,
    headers: {
      ...common,
      'content-type': `multipart/byteranges; boundary=${boundary}`,
      'content-length': length,
    },
    segments,
    length,
    reachesEnd: ranges.some((range) => range.end === artifact.size - 1),
  }
}

function segmentLength(segment: Segment): number {
  return segment.kind === 'bytes' ? segment.bytes.length : segment.range.end - segment.range.start + 1
}
