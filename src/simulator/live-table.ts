import type { DeviceEvent, Phase } from './device.ts'

/** Where a table goes; `process.stdout` fits. */
export interface TableStream {
  write(text: string): unknown
  readonly isTTY?: boolean
  readonly columns?: number
}

const COLUMNS = [
  { title: 'DEVICE', width: 18 },
  { title: 'PROTOCOL', width: 14 },
  { title: 'STATE', width: 12 },
  { title: 'VERSION', width: 22 },
  { title: 'PROGRESS', width: 17 },
] as const
const GAP = 2
const BAR_CELLS = 12

const COLOURS: Partial<Record<Phase, string>> = {
  rebooted: '\x1b[32m',
  'up-to-date': '\x1b[32m',
  failed: '\x1b[31m',
  downloading: '\x1b[36m',
}

/** One line a device under a title line, none longer than `width`; columns that do not fit are left out from the right. */
export function render(rows: readonly DeviceEvent[], width: number): string[] {
  return [
    lineOf(
      COLUMNS.map(({ title }) => title),
      'DETAIL',
      width,
    ),
    ...rows.map((row) => lineOf(cellsOf(row).map(printable), printable(row.detail ?? ''), width)),
  ]
}

/** One line for a log: what a row says, without any alignment. */
export function renderLine(event: DeviceEvent): string {
  const target = event.target === undefined || event.target === event.version ? '' : ` -> ${event.target}`
  const detail = event.detail === undefined ? '' : `: ${event.detail}`
  return printable(`${event.device} (${event.protocol}) ${event.phase} ${event.version}${target}${detail}`)
}

/** Versions and details are a server's words: no control character of theirs may reach a terminal. */
function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, '?')
}

function cellsOf(row: DeviceEvent): string[] {
  const version =
    row.target === undefined || row.target === row.version ? row.version : `${row.version} -> ${row.target}`
  const progress = row.progress === undefined ? '' : bar(row.progress)
  return [row.device, row.protocol, row.phase, version, progress]
}

function bar(percent: number): string {
  const filled = Math.round((Math.min(Math.max(percent, 0), 100) * BAR_CELLS) / 100)
  return `${'█'.repeat(filled)}${'░'.repeat(BAR_CELLS - filled)} ${percent}%`
}

function lineOf(cells: readonly string[], detail: string, width: number): string {
  let line = ''
  for (const [index, column] of COLUMNS.entries()) {
    if (line.length + column.width > width) return line.trimEnd()
    line += fitted(cells[index] ?? '', column.width) + ' '.repeat(GAP)
  }
  return (line + clipped(detail, Math.max(width - line.length, 0))).slice(0, width).trimEnd()
}

function fitted(text: string, width: number): string {
  return clipped(text, width).padEnd(width)
}

function clipped(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(width - 1, 0))}…`
}

export interface LiveTableOptions {
  readonly stream: TableStream
  /** Milliseconds; default `performance.now`. */
  readonly now?: () => number
  /** Rows shown at once on a terminal, the most recently active ones first to be kept; default 30. */
  readonly maxRows?: number
}

const REDRAW_EVERY_MS = 80

/** Last state of each device: redrawn in place on a terminal, one plain line per change of phase elsewhere. */
export class LiveTable {
  readonly #stream: TableStream
  readonly #now: () => number
  readonly #maxRows: number
  readonly #rows = new Map<string, DeviceEvent>()
  /** When each device last spoke, as a running number. */
  readonly #spoke = new Map<string, number>()
  #turn = 0
  #drawnLines = 0
  #drawnAt = Number.NEGATIVE_INFINITY

  constructor(options: LiveTableOptions) {
    this.#stream = options.stream
    this.#now = options.now ?? (() => performance.now())
    this.#maxRows = options.maxRows ?? 30
  }

  /** Bound, so that it can be passed as `onEvent`. */
  readonly update = (event: DeviceEvent): void => {
    const before = this.#rows.get(event.device)
    this.#rows.set(event.device, event)
    this.#turn += 1
    this.#spoke.set(event.device, this.#turn)
    if (this.#stream.isTTY !== true) {
      if (before?.phase !== event.phase || event.phase === 'rebooted') this.#stream.write(`${renderLine(event)}\n`)
      return
    }
    if (this.#now() - this.#drawnAt >= REDRAW_EVERY_MS) this.#draw()
  }

  /** Draws the last state; to be called when all devices are done, and before anything else is printed. */
  end(): void {
    if (this.#stream.isTTY === true && this.#rows.size > 0) this.#draw()
    this.#drawnLines = 0
  }

  #draw(): void {
    const [title = '', ...lines] = render(this.#shown(), this.#stream.columns ?? 80)
    const hidden = this.#rows.size - lines.length
    const coloured = this.#shown().map((row, index) => colour(lines[index] ?? '', row.phase))
    const all = [`\x1b[1m${title}\x1b[0m`, ...coloured, ...(hidden > 0 ? [`… and ${hidden} more`] : [])]
    const up = this.#drawnLines > 0 ? `\x1b[${this.#drawnLines}A\r\x1b[J` : ''
    this.#stream.write(`${up}${all.join('\n')}\n`)
    this.#drawnLines = all.length
    this.#drawnAt = this.#now()
  }

  /** In the order of first appearance; when there are too many, those that spoke last. */
  #shown(): DeviceEvent[] {
    const rows = [...this.#rows.values()]
    if (rows.length <= this.#maxRows) return rows
    const spoke = (row: DeviceEvent): number => this.#spoke.get(row.device) ?? 0
    const threshold = rows.map(spoke).sort((one, other) => other - one)[this.#maxRows - 1] ?? 0
    return rows.filter((row) => spoke(row) >= threshold)
  }
}

function colour(line: string, phase: Phase): string {
  const start = COLOURS[phase]
  return start === undefined ? line : `${start}${line}\x1b[0m`
}
