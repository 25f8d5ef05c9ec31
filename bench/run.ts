import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Options, readOptions } from './options.ts'
import { compareReports, printComparison } from './report/compare-reports.ts'
import { allLines, type Report, type RowResult, verdictOf } from './report/results.ts'
import { printRow, textTable } from './report/table.ts'
import { whyNotForDocs, writeDocs } from './report/write-docs.ts'
import { ROWS } from './rows.ts'
import { Bench, type Row } from './scenarios/bench.ts'
import { commitOf, describeMachine } from './support/machine.ts'
import { whyNoPostgres } from './support/postgres.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
/** Where the user stands; `npm run` itself goes to the repository. */
const CWD = process.env['INIT_CWD'] ?? process.cwd()
const BUSY = 0.5

const options = given()
if ('say' in options) console.log(options.say)
else await main(options)

function given(): ReturnType<typeof readOptions> {
  try {
    return readOptions(process.argv.slice(2))
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error} (--help)`)
    process.exit(2)
  }
}

async function main(options: Options): Promise<void> {
  const before = options.compare === undefined ? undefined : readReport(options.compare)
  const report = options.read === undefined ? await measure(options) : readReport(options.read)
  console.log(`\n${textTable(report)}\n`)
  if (options.read === undefined) writeFileSync(resolve(CWD, options.json), `${JSON.stringify(report, null, 2)}\n`)
  if (before) printComparison(compareReports(before, report))
  const missed = allLines(report).filter(({ line }) => verdictOf(line) === 'MISS').length
  const skipped = report.rows.filter((row) => row.skipped !== undefined).length
  const failed = report.rows.filter((row) => row.failed !== undefined).length
  console.log(`${missed} aims missed, ${skipped} rows skipped, ${failed} failed, ${report.tookSeconds.toFixed(0)} s.`)
  if (failed > 0) process.exitCode = 1
  if (options.writeDocs) {
    const why = whyNotForDocs(report)
    if (why === undefined) writeDocs(report)
    else console.error(`docs/performance.md stays as it is: this run does not count, for ${why}.`)
    if (why !== undefined) process.exitCode = 1
  }
  if (options.strict && missed > 0) process.exitCode = 1
}

async function measure(options: Options): Promise<Report> {
  const machine = describeMachine()
  if (machine.loadBefore > BUSY)
    console.log(
      `This machine is busy (load ${machine.loadBefore}): the figures will say more about that than about Godwit.`,
    )
  const bench = new Bench(options)
  const rows: RowResult[] = []
  const stop = () => process.exit(130)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop)
  try {
    const wanted = ROWS.filter(({ name }) => options.only.includes(name))
    for (const database of new Set(wanted.map((row) => row.database ?? 'sqlite')))
      if (database === 'sqlite' || whyNoPostgres() === undefined) await bench.prepare(database)
    const startedAt = performance.now()
    for (const row of wanted) {
      if (!row.isShared) await bench.endShared()
      const result = await runRow(bench, row)
      rows.push(result)
      printRow(result)
    }
    return {
      format: 1,
      date: new Date().toISOString(),
      commit: commitOf(ROOT),
      machine,
      options: {
        devices: options.devices,
        rounds: options.rounds,
        seconds: options.seconds,
        isWhole: rows.length === ROWS.length && rows.every(({ lines }) => lines.length > 0),
      },
      tookSeconds: (performance.now() - startedAt) / 1000,
      rows,
    }
  } finally {
    await bench.stop()
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, stop)
  }
}

async function runRow(bench: Bench, row: Row): Promise<RowResult> {
  try {
    const result = await row.run(bench)
    return 'skipped' in result ? { row: row.name, lines: [], ...result } : { row: row.name, lines: result }
  } catch (error) {
    return { row: row.name, lines: [], failed: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
}

function readReport(file: string): Report {
  const report = JSON.parse(readFileSync(resolve(CWD, file), 'utf8')) as Report
  if (report.format !== 1) throw new Error(`${file} holds no results of this benchmark`)
  return report
}
