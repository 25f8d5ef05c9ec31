/** An inclusive span of bytes inside the file: 0 <= start <= end < size. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** `whole`: no usable range was asked for, answer as if there was no header. */
export type RangeRequest =
  | { readonly kind: 'whole' }
  | { readonly kind: 'ranges'; readonly ranges: readonly [ByteRange, ...ByteRange[]] }
  | { readonly kind: 'unsatisfiable' }

export interface RangeOptions {
  /** File size in bytes. */
  readonly size: number
  /** More ranges than this and the header is ignored; 1 for protocols without multipart answers. */
  readonly maxRanges: number
}

const WHOLE: RangeRequest = { kind: 'whole' }
const UNIT = /^\s*bytes\s*=/i
const SPEC = /^(\d*)-(\d*)$/

/**
 * Reads a Range header (RFC 9110, 14.2). An absent header, another unit, bad syntax or too many ranges give `whole`.
 * Ranges come back sorted by start, overlapping and touching ones joined; those beyond the end are dropped, and when
 * none is left the request is `unsatisfiable`.
 */
export function parseRange(header: string | undefined, options: RangeOptions): RangeRequest {
  const unit = header === undefined ? null : UNIT.exec(header)
  if (header === undefined || unit === null) return WHOLE
  const specs = header
    .slice(unit[0].length)
    .split(',', options.maxRanges * 2 + 2)
    .map((spec) => spec.trim())
    .filter((spec) => spec !== '')
  if (specs.length === 0 || specs.length > options.maxRanges) return WHOLE
  const ranges: ByteRange[] = []
  for (const spec of specs) {
    const range = parseSpec(spec, options.size)
    if (range === 'malformed') return WHOLE
    if (range !== 'beyond') ranges.push(range)
  }
  const [first, ...rest] = joined(ranges)
  return first === undefined ? { kind: 'unsatisfiable' } : { kind: 'ranges', ranges: [first, ...rest] }
}

function parseSpec(spec: string, size: number): ByteRange | 'malformed' | 'beyond' {
  const [, first = '', last = ''] = SPEC.exec(spec) ?? []
  if (first === '' && last === '') return 'malformed'
  if (first === '') return suffix(Number(last), size)
  const start = Number(first)
  const end = last === '' ? size - 1 : Number(last)
  if (last !== '' && end < start) return 'malformed'
  return start >= size ? 'beyond' : { start, end: Math.min(end, size - 1) }
}

function suffix(length: number, size: number): ByteRange | 'beyond' {
  return length === 0 || size === 0 ? 'beyond' : { start: Math.max(0, size - length), end: size - 1 }
}

function joined(ranges: readonly ByteRange[]): ByteRange[] {
  const result: ByteRange[] = []
  for (const range of ranges.toSorted((a, b) => a.start - b.start)) {
    const last = result.at(-1)
    if (last === undefined || range.start > last.end + 1) result.push(range)
    else result[result.length - 1] = { start: last.start, end: Math.max(last.end, range.end) }
  }
  return result
}
