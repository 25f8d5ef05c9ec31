import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import type { Command } from 'commander'
import { segment } from '../client/api-client.ts'
import { at, type JsonObject } from '../client/json.ts'
import { withExamples } from '../options/examples.ts'
import { type Call, online } from '../options/online.ts'
import { formatSize } from '../output/format-value.ts'
import { note } from '../output/print.ts'
import { addPush } from './firmware-push.ts'
import { addAct, addChange, addList, addShow } from './verbs.ts'

const one = (call: Call, rest = '') => `/firmware/${segment(call.args[0] ?? '')}${rest}`
const ARGUMENT = ['<firmware>', 'its id, or PRODUCT/MODULE@VERSION, or PRODUCT@VERSION for the primary module'] as const

export function addFirmwareCommands(program: Command): void {
  const noun = program.command('firmware').description('versions and their files')
  addList(noun, {
    path: '/firmware',
    meaning: 'versions in the library, newest first',
    columns: [
      'product',
      'module',
      'version',
      'active',
      'withdrawn',
      { title: 'size', cell: (row) => formatSize(Number(at(row, 'file.size') ?? 0)) },
      'createdAt',
      'id',
    ],
    filters: [
      { flag: 'product', query: 'product', meaning: 'key or id of the product', value: 'key' },
      { flag: 'module', query: 'module', meaning: 'key of the module; with --product', value: 'key' },
      { flag: 'with-version', query: 'version', meaning: 'only this version', value: 'version' },
      { flag: 'active', query: 'active', meaning: 'only what is in the catalogue', constant: 'true' },
      { flag: 'withdrawn', query: 'withdrawn', meaning: 'only what is withdrawn', constant: 'true' },
      { flag: 'search', query: 'search', meaning: 'part of version, name or notes', value: 'text' },
    ],
    examples: ['godwit firmware list --product panel --active'],
  })
  addShow(noun, { path: one, meaning: 'one firmware', argument: ARGUMENT, examples: [`godwit firmware show ${ID}`] })
  addPush(noun)
  addChange(noun, {
    path: one,
    meaning: 'change name, notes, description, tags, place among versions; bytes and version never change',
    argument: ARGUMENT,
    fields: [
      { member: 'name', flag: 'name', kind: 'text', meaning: 'display name', value: 'text' },
      { member: 'notes', flag: 'notes', kind: 'text', meaning: 'release notes', value: 'text' },
      { member: 'description', flag: 'description', kind: 'nullable', meaning: 'description', value: 'text' },
      { member: 'tags', flag: 'tag', kind: 'labels', meaning: 'a tag' },
      {
        member: 'sequence',
        flag: 'sequence',
        kind: 'nullable-number',
        meaning: 'place in the order of versions that are no SemVer',
        value: 'n',
      },
      {
        member: 'fromVersions',
        flag: 'from-versions',
        kind: 'nullable',
        meaning: 'from which versions it can be installed: SemVer ranges or exact versions, || between them',
        value: 'range',
      },
      { member: 'releasedAt', flag: 'released-at', kind: 'nullable', meaning: 'when it was released', value: 'time' },
    ],
    examples: [
      `godwit firmware change ${ID} --tag channel=stable`,
      'godwit firmware change panel@rev-b --sequence 20 --from-versions "rev-a || rev-a2"',
    ],
  })
  addFlag(noun, {
    name: 'activate',
    body: { active: true },
    meaning: 'show it in the catalogue that devices choose from',
  })
  addFlag(noun, { name: 'deactivate', body: { active: false }, meaning: 'take it out of the catalogue' })
  addFlag(noun, {
    name: 'withdraw',
    body: { withdrawn: true },
    meaning: 'the emergency brake: it is refused everywhere at once, assigned or not',
  })
  addFlag(noun, { name: 'reinstate', body: { withdrawn: false }, meaning: 'end a withdrawal' })
  addAct(noun, {
    name: 'delete',
    method: 'DELETE',
    path: one,
    meaning: 'delete a firmware to which nothing refers',
    argument: ARGUMENT,
    done: 'is deleted',
    examples: [`godwit firmware delete ${ID}`],
  })
  addDownload(noun, {
    path: (call) => one(call, '/file'),
    argument: ARGUMENT,
    name: 'download',
    meaning: 'fetch the file',
  })
}

const ID = '5e2b1c808711f904f5df4bad'

function addFlag(noun: Command, verb: { name: string; body: Record<string, unknown>; meaning: string }): void {
  addAct(noun, {
    name: verb.name,
    method: 'PATCH',
    path: (call) => one(call),
    meaning: verb.meaning,
    argument: ARGUMENT,
    body: () => verb.body,
    done: '',
    facts: flags,
    examples: [`godwit firmware ${verb.name} panel/display-app@1.3.0`],
  })
}

function flags({ id, product, module, version, active, withdrawn }: JsonObject): JsonObject {
  return { id, product, module, version, active, withdrawn }
}

export interface Download {
  readonly name: string
  readonly meaning: string
  readonly argument: readonly [string, string]
  readonly path: (call: Call) => string
}

/** A verb that fetches bytes, to a file or to standard output. */
export function addDownload(noun: Command, verb: Download): void {
  const command = noun
    .command(verb.name)
    .description(verb.meaning)
    .argument(...verb.argument)
    .option('--output <file>', 'write there; else to standard output')
  online(command, async (call) => {
    const body = await call.api.download(verb.path(call))
    const file = call.options.text('output')
    if (file === undefined) return pipeline(body, process.stdout, { end: false })
    const temporary = `${file}.partial`
    try {
      await pipeline(body, createWriteStream(temporary))
      await rename(temporary, file)
    } catch (error) {
      await rm(temporary, { force: true })
      throw error
    }
    note(`${file} is written`)
  })
  withExamples(command, `godwit ${noun.name()} ${verb.name} ${ID} --output file.bin`)
}
