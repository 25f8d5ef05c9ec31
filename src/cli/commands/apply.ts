import { createReadStream, statSync } from 'node:fs'
import type { Command } from 'commander'
import type { ApiClient } from '../client/api-client.ts'
import { at, type JsonObject, objectsAt, textAt } from '../client/json.ts'
import { confirmed, printStarts, withConfirm } from '../options/confirmed.ts'
import { withExamples } from '../options/examples.ts'
import { type Call, online } from '../options/online.ts'
import { note, print, printJson } from '../output/print.ts'
import { counting, startProgress } from '../output/progress.ts'

export function addApplyCommand(program: Command): void {
  const command = program
    .command('apply')
    .description('make the server as a fleet file describes it; a second run changes nothing')
    .requiredOption('-f, --file <file>', 'the fleet file, YAML')
    .option('--dry-run', 'print what would change, and change nothing')
    .option('--prune', 'delete what the file does not name, in the sections that it has')
  withConfirm(command)
  online(command, apply)
  withExamples(command, 'godwit apply -f fleet.yaml --dry-run', 'godwit apply -f fleet.yaml --prune')
}

async function apply(call: Call): Promise<void> {
  const { api, options, json } = call
  const { readFleetFile } = await import('../../server/fleet/read-fleet-file.ts')
  const path = options.required('file', '--file')
  const { text, files } = readFleetFile(path)
  const dryRun = options.flag('dryRun')
  const receipts = await upload(api, files)
  const query = { dryRun: dryRun || undefined, prune: options.flag('prune') || undefined }
  const body = { text, files: receipts }
  const result = await confirmed(call, (confirm) => api.send('POST', '/apply', { query: { ...query, confirm }, body }))
  if (json) printJson(result)
  else printResult(result, dryRun)
}

/** Bytes first, so that the change itself is one short transaction. Answers a receipt for each name in the text. */
async function upload(api: ApiClient, files: ReadonlyMap<string, string>): Promise<Record<string, string>> {
  const sizes = new Map([...files].map(([name, file]) => [name, statSync(file).size]))
  const total = [...sizes.values()].reduce((sum, size) => sum + size, 0)
  const receipts: Record<string, string> = {}
  if (files.size === 0) return receipts
  const progress = startProgress(`Uploading ${files.size} ${files.size === 1 ? 'file' : 'files'}`, total, 'bytes')
  try {
    for (const [name, file] of files) {
      const answer = await api.upload('/blobs', {
        body: counting(createReadStream(file, { highWaterMark: 2 ** 18 }), progress),
        size: sizes.get(name) ?? 0,
        type: 'application/octet-stream',
      })
      receipts[name] = textAt(answer, 'receipt')
    }
    return receipts
  } finally {
    progress.stop()
  }
}

const SIGNS: Readonly<Record<string, string>> = { create: '+', change: '~', delete: '-' }

function printResult(result: JsonObject, dryRun: boolean): void {
  const changes = objectsAt(result, 'changes')
  for (const change of changes) {
    const action = textAt(change, 'action')
    const fields = at(change, 'fields')
    const what = Array.isArray(fields) && action === 'change' ? ` (${fields.join(', ')})` : ''
    print(`${SIGNS[action] ?? '?'} ${action} ${textAt(change, 'kind')} ${textAt(change, 'what')}${what}`)
  }
  if (changes.length === 0) print('nothing to change')
  else
    print(
      `${changes.length} ${changes.length === 1 ? 'change' : 'changes'}${dryRun ? ' to make; nothing was done' : ''}`,
    )
  const warnings = at(result, 'warnings')
  if (Array.isArray(warnings)) for (const warning of warnings) note(`warning: ${warning}`)
  printStarts(result)
  const secrets = dryRun ? [] : objectsAt(result, 'secrets')
  if (secrets.length > 0) note('Secrets that were made up, shown only now:')
  for (const secret of secrets)
    print(`secret ${textAt(secret, 'device')} ${textAt(secret, 'scheme')} ${textAt(secret, 'token')}`)
}
