import { createReadStream, createWriteStream, existsSync, statSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { type Command, Option } from 'commander'
import { type JsonObject, objectsAt, textAt } from '../client/json.ts'
import { CommandFailure, usage } from '../exit.ts'
import { confirmed, printStarts, withConfirm } from '../options/confirmed.ts'
import { withExamples } from '../options/examples.ts'
import { type Call, online } from '../options/online.ts'
import { note, print, printJson } from '../output/print.ts'
import { counting, startProgress } from '../output/progress.ts'

const FORMATS = ['csv', 'ndjson']
const TYPES: Readonly<Record<string, string>> = { csv: 'text/csv', ndjson: 'application/x-ndjson' }

/** `device import` and `device export`: whole fleets as CSV or NDJSON. */
export function addDeviceFiles(noun: Command): void {
  const read = noun
    .command('import')
    .description('make many devices from CSV or NDJSON, their existing tokens included')
    .argument('<file>', 'the file')
    .addOption(new Option('--format <format>', 'by the end of the file name unless given').choices(FORMATS))
    .addOption(
      new Option('--on-existing <what>', 'for keys that are there already').choices(['error', 'skip', 'update']),
    )
    .addOption(
      new Option('--mode <mode>', 'all: nothing is written when one line is bad; chunks: files of any length').choices([
        'all',
        'chunks',
      ]),
    )
    .option('--dry-run', 'check every line and write nothing; say which updates it would start')
  withConfirm(read)
  online(read, importDevices)
  withExamples(
    read,
    'godwit device import fleet.csv --dry-run',
    'godwit device import fleet.ndjson --on-existing update',
  )

  const write = noun
    .command('export')
    .description('every device as CSV or NDJSON, in the form that import takes')
    .addOption(new Option('--format <format>', 'default: by --output, else ndjson').choices(FORMATS))
    .option('--output <file>', 'write there; else to standard output')
    .option('--no-secrets', 'leave tokens and secrets out')
    .option('--product <key>', 'only of this product')
    .option('--group <key>', 'only of this group')
    .option('--search <text>', 'only with this in key or name')
    .option('--filter <filter>', 'only those that a filter means')
  online(write, exportDevices)
  withExamples(write, 'godwit device export --output fleet.csv', 'godwit device export --format ndjson | jq .key')
}

async function importDevices(call: Call): Promise<void> {
  const { api, args, options, json } = call
  const file = args[0] ?? ''
  if (!existsSync(file)) throw usage(`${file} does not exist`)
  const { size } = statSync(file)
  const format = options.text('format') ?? formatOf(file)
  const report = await confirmed(call, (confirm) => {
    const progress = startProgress('Importing', size, 'bytes')
    const query = {
      format,
      dryRun: options.flag('dryRun') || undefined,
      onExisting: options.text('onExisting'),
      mode: options.text('mode'),
      confirm,
    }
    const body = counting(createReadStream(file, { highWaterMark: 2 ** 18 }), progress)
    const type = TYPES[format] ?? 'application/octet-stream'
    return api.upload('/devices/import', { query, body, size, type }).finally(() => progress.stop())
  })
  if (json) printJson(report)
  else printReport(report)
  if (textAt(report, 'failed') !== '0') throw new CommandFailure(`${textAt(report, 'failed')} devices were left out`)
}

function printReport(report: JsonObject): void {
  const count = (member: string) => textAt(report, member)
  const would = report['dryRun'] === true ? 'would be ' : ''
  print(
    `${count('lines')} devices: ${count('created')} ${would}created, ${count('updated')} updated, ${count('skipped')} skipped, ${count('failed')} failed`,
  )
  printStarts(report)
  for (const fault of objectsAt(report, 'errors'))
    note(`${`line ${textAt(fault, 'line')} ${textAt(fault, 'pointer')}`.trimEnd()}: ${textAt(fault, 'detail')}`)
}

async function exportDevices(call: Call): Promise<void> {
  const { api, options } = call
  const file = options.text('output')
  const format = options.text('format') ?? (file === undefined ? 'ndjson' : formatOf(file))
  if (file !== undefined && !existsSync(dirname(file))) throw usage(`the folder ${dirname(file)} does not exist`)
  const body = await api.download('/devices/export', {
    format,
    secrets: options.negated('secrets') ? 'false' : 'true',
    product: options.text('product'),
    group: options.text('group'),
    search: options.text('search'),
    filter: options.text('filter'),
  })
  if (file === undefined) return pipeline(body, process.stdout, { end: false })
  const temporary = `${file}.partial`
  try {
    await pipeline(body, createWriteStream(temporary, { mode: 0o600 }))
    await rename(temporary, file)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  note(`${file} is written`)
}

function formatOf(file: string): string {
  if (/\.csv$/i.test(file)) return 'csv'
  if (/\.(ndjson|jsonl)$/i.test(file)) return 'ndjson'
  throw usage(`${file}: say --format csv or --format ndjson`)
}
