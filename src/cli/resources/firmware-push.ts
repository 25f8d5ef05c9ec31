import { createHash } from 'node:crypto'
import { createReadStream, existsSync, statSync } from 'node:fs'
import { basename } from 'node:path'
import type { Command } from 'commander'
import { textAt } from '../client/json.ts'
import { usage } from '../exit.ts'
import { withExamples } from '../options/examples.ts'
import { type Call, online } from '../options/online.ts'
import { gather, labelsOf } from '../options/options.ts'
import { formatSize } from '../output/format-value.ts'
import { note, print, printJson } from '../output/print.ts'
import { counting, startProgress } from '../output/progress.ts'

/** `firmware push FILE`: the file streams; the server refuses bytes other than those that were read here. */
export function addPush(noun: Command): void {
  const command = noun
    .command('push')
    .description('upload a firmware file')
    .argument('<file>', 'the binary')
    .requiredOption('--product <key>', 'key or id of the product')
    .option('--module <key>', 'key of the module; the primary one unless given')
    .requiredOption('--version <version>', 'its version, verbatim as devices compare it')
    .option('--activate', 'show it in the catalogue at once')
    .option('--name <text>', 'display name')
    .option('--notes <text>', 'release notes')
    .option('--description <text>', 'description')
    .option('--tag <name=value>', 'a tag; may be repeated', gather)
    .option('--sequence <n>', 'place in the order of versions that are no SemVer')
    .option(
      '--from-versions <range>',
      'from which versions it can be installed: SemVer ranges or exact versions, || between',
    )
    .option('--signature <base64>', 'signature that is passed on to devices that ask')
    .option('--id <id>', 'a fixed id, 24 hex digits')
    .option('--number <n>', "a fixed number, as a vendor's wire shows it")
  online(command, push)
  withExamples(
    command,
    'godwit firmware push build/display-app.bin --product panel --module display-app --version 1.2.3 --activate',
    'godwit firmware push app.bin --product panel --version 2.0.0 --notes "First of the new line" --tag channel=beta',
  )
}

async function push(call: Call): Promise<void> {
  const { api, args, options, json } = call
  const file = args[0] ?? ''
  if (!existsSync(file) || !statSync(file).isFile()) throw usage(`${file} is not a file`)
  const tags = labelsOf(options.list('tag'), '--tag')
  const { size } = statSync(file)
  const sha256 = await digest(file)
  const progress = startProgress(`Uploading ${basename(file)}`, size, 'bytes')
  const firmware = await api
    .upload('/firmware', {
      query: {
        product: options.text('product'),
        module: options.text('module'),
        version: options.text('version'),
        fileName: basename(file),
        active: options.flag('activate') ? 'true' : undefined,
        name: options.text('name'),
        notes: options.text('notes'),
        description: options.text('description'),
        tags: Object.keys(tags).length > 0 ? JSON.stringify(tags) : undefined,
        sequence: options.number('sequence', '--sequence'),
        fromVersions: options.text('fromVersions'),
        signature: options.text('signature'),
        id: options.text('id'),
        number: options.number('number', '--number'),
        sha256,
      },
      body: counting(createReadStream(file, { highWaterMark: 2 ** 18 }), progress),
      size,
      type: 'application/octet-stream',
    })
    .finally(() => progress.stop())
  if (json) return printJson(firmware)
  const warnings = firmware['warnings']
  if (Array.isArray(warnings)) for (const warning of warnings) note(`warning: ${warning}`)
  const what = `${textAt(firmware, 'product.key')}/${textAt(firmware, 'module.key')} ${textAt(firmware, 'version')}`
  print(`${textAt(firmware, 'id')}  ${what}, ${formatSize(size)}, sha256 ${sha256}`)
}

async function digest(file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of createReadStream(file, { highWaterMark: 2 ** 20 })) hash.update(piece)
  return hash.digest('hex')
}
