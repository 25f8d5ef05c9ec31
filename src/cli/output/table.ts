import { at } from '../client/json.ts'
import { formatValue } from './format-value.ts'

/** A column: a dotted path into the row, or a title and how to make the cell. */
export type Column = string | { readonly title: string; readonly cell: (row: unknown) => unknown }

/** Wider cells stand as they are and push the rest of their line. */
const WIDEST = 60
const GAP = '  '

/** Lines of a table whose rows come page by page: the first page sets the widths, so that nothing waits for the last. */
export class Table {
  readonly #columns: readonly Column[]
  #widths: readonly number[] | undefined

  constructor(columns: readonly Column[]) {
    this.#columns = columns
  }

  /** The lines of further rows; the head comes before the first. */
  lines(rows: readonly unknown[]): string[] {
    const cells = rows.map((row) => this.#columns.map((column) => cellOf(column, row)))
    const isFirst = this.#widths === undefined
    const head = this.#columns.map(titleOf)
    const widths = this.#widths ?? widthsOf([head, ...cells])
    this.#widths = widths
    return (isFirst ? [head, ...cells] : cells).map((line) => lineOf(line, widths))
  }
}

/** A whole table at once. */
export function tableLines(columns: readonly Column[], rows: readonly unknown[]): string[] {
  return new Table(columns).lines(rows)
}

/** `name  value` for every member of an object. */
export function factLines(object: object): string[] {
  const entries = Object.entries(object)
  const width = Math.max(0, ...entries.map(([name]) => name.length))
  return entries.map(([name, value]) => `${name.padEnd(width)}${GAP}${formatValue(value)}`)
}

function titleOf(column: Column): string {
  if (typeof column !== 'string') return column.title.toUpperCase()
  const name = column.split('.').at(-1) === 'key' ? column.split('.').at(-2) : column.split('.').at(-1)
  return (name ?? column).replaceAll(/([A-Z])/g, ' $1').toUpperCase()
}

function cellOf(column: Column, row: unknown): string {
  return formatValue(typeof column === 'string' ? at(row, column) : column.cell(row))
}

function widthsOf(lines: readonly string[][]): number[] {
  return (lines[0] ?? []).map((_, index) =>
    Math.min(WIDEST, Math.max(...lines.map((line) => line[index]?.length ?? 0))),
  )
}

function lineOf(cells: readonly string[], widths: readonly number[]): string {
  return cells
    .map((cell, index) => cell.padEnd(widths[index] ?? 0))
    .join(GAP)
    .trimEnd()
}
