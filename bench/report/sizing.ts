import type { Line, Report } from './results.ts'

/** Fleets that the table is about: registered devices, all of them active. */
const FLEETS = [1_000, 10_000, 100_000, 1_000_000] as const
/** Minutes between two checks of a device. */
const INTERVALS = [60, 15] as const
/** Devices that one process remembers (`limits.pollCacheDevices`). */
const REMEMBERED = 100_000
/** What is kept free for first calls after a change, TLS, reports and operators: so many times what warm checks take. */
const RESERVE = 4

/** The tables of docs/sizing.md from a whole run of the benchmark. */
export function sizingTables(report: Report): string {
  const costs = costsOf(report)
  return [
    `From the run of ${report.date.slice(0, 10)} on ${report.machine.processor} (one busy core of it):`,
    perCore(costs),
    'A fleet whose devices all check, each time with a new TCP connection:',
    fleets(costs),
  ].join('\n\n')
}

interface Costs {
  readonly micros: ReadonlyArray<readonly [what: string, cpuMicros: number]>
  readonly checkMicros: number
  readonly downloadSecondsPerGb: number
  readonly idleMb: number
  readonly kbPerActive: number
  readonly bytesPerDevice: number
}

function costsOf(report: Report): Costs {
  const line = (row: string, part = ''): Line => {
    const found = report.rows.find((one) => one.row === row)?.lines.find(({ what }) => what.includes(part))
    if (!found) throw new Error(`the report has no ${row} ${part}`)
    return found
  }
  const micros = ROWS.map(([row, what]) => [what, line(row).cpuMicros ?? Number.NaN] as const)
  const memory = line('memory')
  const idleMb = memory.baseline?.value.median ?? Number.NaN
  return {
    micros,
    checkMicros: line('native-check-new').cpuMicros ?? Number.NaN,
    downloadSecondsPerGb: line('download-100mb').ours.median,
    idleMb,
    kbPerActive: ((memory.ours.median - idleMb) * 1024) / ACTIVE,
    bytesPerDevice: line('start', 'database').ours.median,
  }
}

/** Devices that are active in the row `memory`. */
const ACTIVE = 50_000

const ROWS = [
  ['native-check', 'check of Godwit’s own protocol, connection kept'],
  ['native-check-new', 'the same with a new connection each'],
  ['spoke-zone-list', 'Spoke.Zone list with a filter, connection kept'],
  ['enos-get', 'EnOS signed get, connection kept'],
  ['iotaap-latest', 'IoTaaP latest, a new connection each'],
  ['reports-sqlite', 'report, SQLite, its commit included'],
  ['reports-postgres', 'report, PostgreSQL; the database’s own work comes on top'],
] as const

function perCore({ micros, downloadSecondsPerGb }: Costs): string {
  return table(
    ['what', 'CPU µs', 'a second and core'],
    [
      ...micros.map(([what, cost]) => [what, cost.toFixed(0), thousands(1e6 / cost)]),
      ['download, from the file system', '', `${(1 / downloadSecondsPerGb).toFixed(1)} GB`],
    ],
  )
}

function fleets({ checkMicros, idleMb, kbPerActive, bytesPerDevice }: Costs): string {
  const rows = FLEETS.flatMap((devices) =>
    INTERVALS.map((minutes) => {
      const perSecond = devices / (minutes * 60)
      const cores = (perSecond * checkMicros * RESERVE) / 1e6
      const memoryMb = idleMb + (Math.min(devices, REMEMBERED) * kbPerActive) / 1024
      return [
        thousands(devices),
        `${minutes} min`,
        perSecond < 10 ? perSecond.toFixed(1) : thousands(perSecond),
        cores < 0.01 ? 'below 0.01' : cores.toFixed(2),
        `${Math.ceil(memoryMb / 10) * 10} MB`,
        size(devices * bytesPerDevice),
      ]
    }),
  )
  return table(['devices', 'each checks every', 'checks a second', 'cores to have', 'memory', 'database'], rows)
}

function table(head: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [
    line(head),
    `|${head.map((_, index) => (index === 0 ? ' --- |' : ' ---: |')).join('')}`,
    ...rows.map(line),
  ].join('\n')
}

function thousands(value: number): string {
  return Math.round(value).toLocaleString('en')
}

function size(bytes: number): string {
  return bytes < 2 ** 30 ? `${Math.ceil(bytes / 2 ** 20)} MB` : `${(bytes / 2 ** 30).toFixed(1)} GB`
}
