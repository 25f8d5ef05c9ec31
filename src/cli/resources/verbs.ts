import { type Command, Option } from 'commander'
import type { Query } from '../client/api-client.ts'
import { isJsonObject, type JsonObject, objectsAt, textAt } from '../client/json.ts'
import { usage } from '../exit.ts'
import { confirmed, withConfirm } from '../options/confirmed.ts'
import { withExamples } from '../options/examples.ts'
import { bodyOf, camel, type Field, withFields } from '../options/fields.ts'
import { type Call, online } from '../options/online.ts'
import { note, print, printJson, printLines } from '../output/print.ts'
import { type Column, factLines, Table } from '../output/table.ts'

/** A path of the API, from the arguments and options of a call. */
export type Path = (call: Call) => string

/** An option that becomes a parameter of the query. */
export interface Filter {
  readonly flag: string
  readonly query: string
  readonly meaning: string
  readonly value?: string
  /** Given without a value: what is sent. */
  readonly constant?: string
  readonly choices?: readonly string[]
}

/** How one thing is shown as facts; without it, all its members as they come. */
export type Facts = (row: JsonObject) => JsonObject

const LARGEST_PAGE = 200

export interface ListVerb {
  readonly path: string | Path
  readonly meaning: string
  readonly columns: readonly Column[]
  readonly filters?: readonly Filter[]
  readonly argument?: readonly [string, string]
  readonly examples: readonly string[]
  readonly required?: readonly Field[]
  readonly extra?: (command: Command) => void
  /** The API answers with everything at once. */
  readonly isWhole?: boolean
  /** Default: list. */
  readonly name?: string
}

/** `list`: one page, or with `--all` every page, each printed as it comes. */
export function addList(parent: Command, verb: ListVerb): void {
  const command = parent.command(verb.name ?? 'list').description(verb.meaning)
  if (verb.argument) command.argument(...verb.argument)
  requireOptions(command, verb.required)
  for (const { flag, meaning, value, constant, choices } of verb.filters ?? []) {
    const option = new Option(constant === undefined ? `--${flag} <${value ?? 'value'}>` : `--${flag}`, meaning)
    command.addOption(choices ? option.choices(choices) : option)
  }
  verb.extra?.(command)
  if (!verb.isWhole)
    command
      .option('--limit <n>', `entries, at most ${LARGEST_PAGE} (default: 50)`)
      .option('--all', 'every entry, however many pages')
  online(command, (call) => list(call, verb))
  withExamples(command, ...verb.examples)
}

async function list(call: Call, verb: ListVerb): Promise<void> {
  const { api, options, json } = call
  const path = typeof verb.path === 'string' ? verb.path : verb.path(call)
  const isAll = options.flag('all')
  const limit = options.number('limit', '--limit') ?? (isAll ? LARGEST_PAGE : undefined)
  const query: Record<string, Query[string]> = { limit }
  for (const filter of verb.filters ?? []) query[filter.query] = filterValue(filter, call)
  const first = await api.get(path, query)
  if (!isAll) return json ? printJson(first) : printPage(new Table(verb.columns), first)
  const pages = everyPage(first, (cursor) => api.get(path, { ...query, cursor }))
  return json ? printAllJson(pages) : printAllRows(pages, new Table(verb.columns))
}

function filterValue({ flag, constant }: Filter, { options }: Call): string | undefined {
  const name = camel(flag)
  if (constant === undefined) return options.text(name)
  return options.flag(name) ? constant : undefined
}

async function* everyPage(
  first: JsonObject,
  next: (cursor: string) => Promise<JsonObject>,
): AsyncGenerator<JsonObject[]> {
  for (let page = first; ; ) {
    yield objectsAt(page, 'items')
    const cursor = textAt(page, 'nextCursor')
    if (cursor === '') return
    page = await next(cursor)
  }
}

async function printAllJson(pages: AsyncIterable<JsonObject[]>): Promise<void> {
  process.stdout.write('{"items":[')
  let count = 0
  for await (const rows of pages)
    for (const row of rows) {
      process.stdout.write(`${count === 0 ? '' : ','}\n${JSON.stringify(row)}`)
      count += 1
    }
  process.stdout.write('],\n"nextCursor":null}\n')
}

async function printAllRows(pages: AsyncIterable<JsonObject[]>, table: Table): Promise<void> {
  for await (const rows of pages) printLines(table.lines(rows))
}

function printPage(table: Table, page: JsonObject): void {
  const rows = objectsAt(page, 'items')
  printLines(table.lines(rows))
  if (textAt(page, 'nextCursor') !== '') note(`The first ${rows.length}; there are more: --all, or --limit.`)
}

export interface ShowVerb {
  readonly name?: string
  readonly path: Path
  readonly meaning: string
  readonly argument: readonly [string, string]
  readonly examples: readonly string[]
  readonly facts?: Facts
  readonly required?: readonly Field[]
}

/** `show`: one thing. */
export function addShow(parent: Command, verb: ShowVerb): void {
  const command = parent
    .command(verb.name ?? 'show')
    .description(verb.meaning)
    .argument(...verb.argument)
  requireOptions(command, verb.required)
  online(command, async (call) => printThing(call, await call.api.get(verb.path(call)), verb.facts))
  withExamples(command, ...verb.examples)
}

export interface WriteVerb extends Omit<ShowVerb, 'argument'> {
  readonly argument?: readonly [string, string]
  readonly fields: readonly Field[]
  /** Members that the options do not give by themselves. */
  readonly body?: (call: Call) => Record<string, unknown>
  /** What to know next; said on standard error when the thing was made. */
  readonly hint?: (call: Call) => string
  /** Options that are no plain members. */
  readonly extra?: (command: Command) => void
  /** Of a change: it may start updates, which are to be confirmed. */
  readonly confirms?: boolean
}

/** `create`: POST with a body from options. */
export function addCreate(parent: Command, verb: WriteVerb): void {
  const command = parent.command(verb.name ?? 'create').description(verb.meaning)
  if (verb.argument) command.argument(...verb.argument)
  requireOptions(command, verb.required)
  const isRequired = (field: Field) => verb.required?.some(({ flag }) => flag === field.flag)
  withFields(
    command,
    verb.fields.filter((field) => !isRequired(field)),
    'create',
  )
  verb.extra?.(command)
  online(command, async (call) => {
    const body = { ...bodyOf(verb.fields, call.options), ...verb.body?.(call) }
    printThing(call, await call.api.create(verb.path(call), { body }), verb.facts)
    if (verb.hint && !call.json) note(verb.hint(call))
  })
  withExamples(command, ...verb.examples)
}

/** `change`: PATCH with a body from options, of any revision unless `--if-revision` says which. */
export function addChange(parent: Command, verb: WriteVerb): void {
  const command = parent.command(verb.name ?? 'change').description(verb.meaning)
  if (verb.argument) command.argument(...verb.argument)
  requireOptions(command, verb.required)
  withFields(command, verb.fields, 'change')
  verb.extra?.(command)
  if (verb.confirms) withConfirm(command)
  command.option('--if-revision <n>', 'only if it still has this revision')
  online(command, async (call) => {
    const body = { ...bodyOf(verb.fields, call.options), ...verb.body?.(call) }
    if (Object.keys(body).length === 0) throw usage('nothing to change: give at least one option')
    const ifRevision = call.options.number('ifRevision', '--if-revision')
    const send = (confirm?: string) =>
      call.api.send('PATCH', verb.path(call), {
        body,
        ifRevision,
        ...(confirm !== undefined && { query: { confirm } }),
      })
    printThing(call, await (verb.confirms ? confirmed(call, send) : send()), verb.facts)
  })
  withExamples(command, ...verb.examples)
}

export interface ActVerb extends ShowVerb {
  readonly name: string
  readonly method: 'POST' | 'PUT' | 'DELETE' | 'PATCH'
  readonly body?: (call: Call) => Record<string, unknown>
  readonly extra?: (command: Command) => void
  /** Printed when the server has nothing to show. */
  readonly done: string
  /** It may start updates, which are to be confirmed. */
  readonly confirms?: boolean
}

/** A verb that does something to one thing; `delete` is one. */
export function addAct(parent: Command, verb: ActVerb): void {
  const command = parent
    .command(verb.name)
    .description(verb.meaning)
    .argument(...verb.argument)
  requireOptions(command, verb.required)
  verb.extra?.(command)
  if (verb.confirms) withConfirm(command)
  online(command, async (call) => {
    const body = verb.body?.(call)
    const send = (confirm?: string) =>
      call.api.send(verb.method, verb.path(call), { body, ...(confirm !== undefined && { query: { confirm } }) })
    const answer = await (verb.confirms ? confirmed(call, send) : send())
    if (call.json) printJson(answer)
    else if (Object.keys(answer).length === 0) print(`${call.args[0] ?? ''} ${verb.done}`.trim())
    else printThing(call, answer, verb.facts)
  })
  withExamples(command, ...verb.examples)
}

/** The answer of the API: JSON as it came, or facts. */
export function printThing(call: Pick<Call, 'json'>, thing: JsonObject, facts?: Facts): void {
  if (call.json) printJson(thing)
  else printLines(factLines(facts ? facts(thing) : thing))
}

function requireOptions(command: Command, fields: readonly Field[] = []): void {
  for (const { flag, meaning, value } of fields) command.requiredOption(`--${flag} <${value ?? 'value'}>`, meaning)
}

/** The members in this order and no others; `a.b` is shown as `a b`. */
export function only(row: JsonObject, members: readonly string[]): JsonObject {
  return Object.fromEntries(members.filter((member) => member in row).map((member) => [member, row[member]]))
}

/** Modules or releases in a word: `main 1.2.3, can 0.9`. */
export function versionsOf(value: unknown): string[] {
  if (!isJsonObject(value)) return []
  return Object.entries(value).map(([module, running]) => `${module} ${textAt(running, 'version')}`)
}
