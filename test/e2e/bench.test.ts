import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { readOptions } from '../../bench/options.ts'
import { compareReports } from '../../bench/report/compare-reports.ts'
import type { Line, Report } from '../../bench/report/results.ts'
import { sizingTables } from '../../bench/report/sizing.ts'
import { markdownTable } from '../../bench/report/table.ts'
import { whyNotForDocs, withFigures } from '../../bench/report/write-docs.ts'
import { ROWS } from '../../bench/rows.ts'
import { sampleOf } from '../../bench/support/statistics.ts'
import { ROOT } from '../support/spawn-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const run = promisify(execFile)

describe('the benchmark', () => {
  it('goes through every row on a small fleet and writes its results', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'results.json')
    const args = ['--devices', '1000', '--rounds', '1', '--seconds', '0.2', '--json', file]
    const { stdout } = await run(process.execPath, [join(ROOT, 'bench/run.ts'), ...args], {
      env: { ...process.env, GODWIT_BENCH_CACHE: join(folder.path, 'cache') },
    })
    expect(stdout).toContain('0 failed')
    const report = JSON.parse(readFileSync(file, 'utf8')) as Report
    expect(report.rows.map(({ row }) => row)).toEqual(ROWS.map(({ name }) => name))
    const skipped = report.rows.filter((row) => row.skipped !== undefined)
    if (skipped.length > 0)
      console.warn(`SKIPPED: ${skipped.map(({ row, skipped }) => `${row}: ${skipped}`).join('; ')}`)
    if (process.env['CI']) expect(skipped.map(({ row }) => row)).toEqual([])
    for (const { row, lines, skipped } of report.rows) {
      if (skipped !== undefined) continue
      expect(lines.length, row).toBeGreaterThan(0)
      for (const line of lines) expect(line.ours.median, `${row}: ${line.what}`).toBeGreaterThan(0)
      expect(
        lines.some(({ aim }) => aim !== undefined),
        row,
      ).toBe(true)
    }
    expect(whyNotForDocs(report)).toBeDefined()
  })
})

const line = (more: Partial<Line> = {}): Line => ({
  what: 'native check',
  unit: 'requests per CPU second',
  ours: sampleOf([80]),
  baseline: { name: 'bare', value: sampleOf([100]) },
  ratio: sampleOf([0.79, 0.8, 0.81]),
  judged: 'ratio',
  aim: { atLeast: 0.75 },
  ...more,
})

const report = (...lines: Line[]): Report => ({
  format: 1,
  date: '2026-11-28T12:00:00.000Z',
  commit: 'abc',
  machine: {
    processor: 'p',
    cores: 2,
    memoryGb: 8,
    system: 's',
    node: '24',
    postgres: '15',
    nginx: '1',
    loadBefore: 0,
  },
  options: { devices: 1_000_000, rounds: 5, seconds: 3, isWhole: true },
  tookSeconds: 500,
  rows: [{ row: 'native-check', lines }],
})

describe('what changed between two runs', () => {
  it.each([
    ['a little more', { ratio: sampleOf([0.82, 0.83, 0.84]) }, 'same'],
    ['much more', { ratio: sampleOf([0.9, 0.91, 0.92]) }, 'better'],
    ['much less', { ratio: sampleOf([0.5, 0.51, 0.52]) }, 'worse'],
    ['much more, but with rounds that differ as much', { ratio: sampleOf([0.7, 0.92, 1.1]) }, 'same'],
  ] as const)('%s', (_, more, verdict) => {
    const { changes } = compareReports(report(line()), report(line(more)))
    expect(changes.map((change) => change.verdict)).toEqual([verdict])
  })

  it('knows that more milliseconds are worse, and names what is new and what is gone', () => {
    const ms = (what: string, value: number) => line({ what, unit: 'ms', judged: 'ours', ours: sampleOf([value]) })
    const found = compareReports(report(ms('start', 500), ms('old', 1)), report(ms('start', 900), ms('new', 1)))
    expect(found.changes.map(({ verdict }) => verdict)).toEqual(['worse'])
    expect(found.added).toEqual(['native-check: new / bare'])
    expect(found.gone).toEqual(['native-check: old / bare'])
  })
})

describe('the page', () => {
  it('gets the figures between its marks, with what is missed', () => {
    const page = 'before\n<!-- bench: begin -->\nold\n<!-- bench: end -->\nafter\n'
    const written = withFigures(page, report(line({ ratio: sampleOf([0.6]) })))
    expect(written).toContain('MISS | native check')
    expect(written).toContain('- native check: missed by 20 %')
    expect(written).not.toContain('old')
    expect(withFigures(written, report(line({ ratio: sampleOf([0.6]) })))).toBe(written)
    expect(() => withFigures('no marks', report())).toThrow('marks')
  })

  it('has the marks, and takes no run that is not whole', () => {
    const page = readFileSync(join(ROOT, 'docs/performance.md'), 'utf8')
    expect(withFigures(page, report(line()))).toContain('| ok | native check |')
    const whole = report(line())
    expect(whyNotForDocs(whole)).toBeUndefined()
    for (const less of [{ devices: 1000 }, { rounds: 1 }, { seconds: 1 }, { isWhole: false }])
      expect(whyNotForDocs({ ...whole, options: { ...whole.options, ...less } })).toBeDefined()
  })

  it('and the one on sizes show the figures of the last run that is kept', () => {
    const kept = JSON.parse(readFileSync(join(ROOT, 'docs/performance.json'), 'utf8')) as Report
    const page = readFileSync(join(ROOT, 'docs/performance.md'), 'utf8')
    expect(withFigures(page, kept)).toBe(page)
    expect(readFileSync(join(ROOT, 'docs/sizing.md'), 'utf8')).toContain(sizingTables(kept))
  })

  it('on sizes adds up what a fleet takes', () => {
    const cost = (row: string, what: string, more: Partial<Line>) => ({ row, lines: [line({ what, ...more })] })
    const whole = {
      ...report(),
      rows: [
        ...['native-check', 'spoke-zone-list', 'enos-get', 'iotaap-latest', 'reports-sqlite', 'reports-postgres'].map(
          (row) => cost(row, row, { cpuMicros: 20 }),
        ),
        cost('native-check-new', 'new', { cpuMicros: 50 }),
        cost('download-100mb', 'download', { ours: sampleOf([0.5]) }),
        cost('memory', 'memory', {
          ours: sampleOf([500]),
          baseline: { name: 'idle', value: sampleOf([100]) },
        }),
        cost('start', 'database on the disk', { ours: sampleOf([2_000]) }),
      ],
    }
    const tables = sizingTables(whole)
    expect(tables).toContain('| check of Godwit’s own protocol, connection kept | 20 | 50,000 |')
    expect(tables).toContain('| download, from the file system |  | 2.0 GB |')
    // 1,000,000 / 900 s x 50 µs x 4; 100 MB + 100,000 x 8 kB; 1,000,000 x 2,000 bytes.
    expect(tables).toContain('| 1,000,000 | 15 min | 1,111 | 0.22 | 900 MB | 1.9 GB |')
    expect(tables).toContain('| 1,000 | 60 min | 0.3 | below 0.01 | 110 MB | 2 MB |')
    expect(() => sizingTables(report())).toThrow('native-check')
  })

  it('shows a skipped row as such', () => {
    const skipped = { ...report(), rows: [{ row: 'reports-postgres', lines: [], skipped: 'no PostgreSQL' }] }
    expect(markdownTable(skipped)).toContain('| skipped | reports-postgres: no PostgreSQL |')
  })
})

describe('options', () => {
  it.each([
    [['--only', 'no-such-row'], 'no row no-such-row'],
    [['--rounds', '0'], '--rounds'],
    [['--seconds', 'many'], '--seconds'],
    [['--unknown'], '--unknown'],
  ])('%j is refused', (args, words) => {
    expect(() => readOptions(args)).toThrow(words)
  })

  it('takes several rows in the order of the whole', () => {
    expect(readOptions(['--only', 'start,native-check', '--only', 'memory'])).toMatchObject({
      only: ['native-check', 'memory', 'start'],
      devices: 1_000_000,
    })
  })
})
