import { Readable } from 'node:stream'
import { parse as parseCsv } from 'csv-parse'
import { isOtaError } from '../core/errors.ts'
import { SCHEMES } from './credential-schemes.ts'

/** One line of an imported file: an object still to be checked, or why it cannot be read. */
export type DeviceLine =
  | { readonly line: number; readonly value: unknown }
  | { readonly line: number; readonly fault: string }

export type LineFormat = 'ndjson' | 'csv'

/** Longest line, characters. */
const LINE_CHARS = 65_536

/** Reads lines as they come in; a file that cannot be read on ends with a fault. Errors of `bytes` pass through. */
export function readLines(bytes: AsyncIterable<Uint8Array>, format: LineFormat): AsyncGenerator<DeviceLine> {
  return format === 'csv' ? readCsv(bytes) : readNdjson(bytes)
}

async function* readNdjson(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<DeviceLine> {
  let line = 0
  for await (const text of splitLines(bytes)) {
    line += 1
    if (text === undefined) {
      yield { line, fault: `is longer than ${LINE_CHARS} characters` }
      return
    }
    if (text.trim() === '') continue
    yield readJson(line, text)
  }
}

function readJson(line: number, text: string): DeviceLine {
  try {
    return { line, value: JSON.parse(text) }
  } catch {
    return { line, fault: 'is no JSON' }
  }
}

/** undefined = a line beyond the limit; nothing comes after it. */
async function* splitLines(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string | undefined> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of bytes) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    for (const text of lines) yield text.length > LINE_CHARS ? undefined : text
    if (rest.length > LINE_CHARS) {
      yield undefined
      return
    }
  }
  rest += decoder.decode()
  if (rest !== '') yield rest
}

interface CsvRecord {
  readonly info: { readonly lines: number }
  readonly record: Readonly<Record<string, string>>
}

async function* readCsv(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<DeviceLine> {
  const source = Readable.from(bytes)
  const parser = parseCsv({
    columns: true,
    bom: true,
    info: true,
    skip_empty_lines: true,
    trim: true,
    max_record_size: LINE_CHARS,
  })
  source.on('error', (error) => parser.destroy(error))
  source.pipe(parser)
  let line = 1
  try {
    for await (const one of parser) {
      const { info, record }: CsvRecord = one
      line = info.lines
      yield fromCells(line, record)
    }
  } catch (error) {
    if (isOtaError(error)) throw error
    yield { line: line + 1, fault: `is no CSV: ${error instanceof Error ? error.message : 'unreadable'}` }
  } finally {
    source.destroy()
  }
}

const WHOLE_LABELS = new Set(['tags', 'attributes', 'aliases'])
const NUMBERS = new Set(['number', 'id'])

/** `tags.site`, `iotaap.token` (or `credentials.iotaap.token`) become members; an empty cell is an absent one. */
function fromCells(line: number, cells: Readonly<Record<string, string>>): DeviceLine {
  const value: Record<string, unknown> = {}
  const credentials: Record<string, Record<string, unknown>> = {}
  for (const [column, cell] of Object.entries(cells)) {
    if (cell === '') continue
    const name = column.replace(/^credentials\./, '')
    const dot = name.indexOf('.')
    const [first, rest] = dot === -1 ? [name, ''] : [name.slice(0, dot), name.slice(dot + 1)]
    if (rest === '' && WHOLE_LABELS.has(first)) {
      const labels = readJson(line, cell)
      if (!('value' in labels)) return { line, fault: `${first} is no JSON object` }
      value[first] = Object.assign(value[first] ?? {}, labels.value)
    } else if (rest === '') {
      value[first] = first === 'number' ? Number(cell) : cell
    } else if (WHOLE_LABELS.has(first)) {
      value[first] = Object.assign(value[first] ?? {}, { [rest]: cell })
    } else if (Object.hasOwn(SCHEMES, first)) {
      const member = NUMBERS.has(rest) ? Number(cell) : cell
      credentials[first] = { ...credentials[first], [rest]: member }
    } else {
      return { line, fault: `the column "${column}" is not known` }
    }
  }
  return { line, value: Object.keys(credentials).length > 0 ? { ...value, credentials } : value }
}
