import { setTimeout as pause } from 'node:timers/promises'
import type { Command } from 'commander'
import type { ApiClient, Query } from '../client/api-client.ts'
import { type JsonObject, textAt } from '../client/json.ts'
import { isPassing } from '../client/passing.ts'
import { readStream } from '../client/read-stream.ts'
import { CommandFailure } from '../exit.ts'
import { withExamples } from '../options/examples.ts'
import { online } from '../options/online.ts'
import { formatValue } from '../output/format-value.ts'
import { note, print } from '../output/print.ts'

/** Pauses before coming again, ms; the last one goes on. */
const PAUSES = [500, 2_000, 5_000, 15_000]

interface Watching {
  readonly api: ApiClient
  readonly types: string | undefined
  readonly follow: boolean
  readonly show: (event: JsonObject) => void
}

export function addEventWatch(parent: Command): void {
  const command = parent
    .command('watch')
    .description('events as they happen, each once; comes again behind the last one when the connection is lost')
    .option('--type <list>', 'types, separated by commas; device.* = all of devices')
    .option('--after <event>', 'begin behind this event (its id), or 0 for the oldest; default: now')
    .option('--no-follow', 'end when everything there was has been shown')
  online(command, ({ api, options, json }) => {
    const show = json
      ? (event: JsonObject) => print(JSON.stringify(event))
      : (event: JsonObject) => print(lineOf(event))
    const watching = { api, types: options.text('type'), follow: !options.negated('follow'), show }
    return watch(watching, options.text('after'))
  })
  withExamples(command, 'godwit event watch --type update', 'godwit event watch --after 0 --no-follow --json')
}

/** Shows events until the server has no more or wants no more; `after` moves with them. */
async function watch(watching: Watching, begin: string | undefined): Promise<void> {
  let after = begin
  for (let losses = -1; ; ) {
    try {
      for await (const { id, event, data } of await open(watching, after)) {
        losses = 0
        if (event === 'end' && !mayComeAgain(data)) return
        if (event === 'message' && data !== '') watching.show(JSON.parse(data) as JsonObject)
        after = id ?? after
      }
    } catch (error) {
      // Before the first answer it is the command that is wrong, afterwards the moment.
      if (losses < 0 || !isPassing(error)) throw error
    }
    const wait = PAUSES[Math.min(Math.max(losses, 0), PAUSES.length - 1)] ?? 0
    losses = Math.max(losses, 0) + 1
    note(`The stream has ended; coming again in ${wait / 1000} s.`)
    await pause(wait)
  }
}

async function open({ api, types, follow }: Watching, after: string | undefined) {
  const query: Query = { type: types, after, follow: follow ? undefined : false }
  return readStream(await api.download('/events/stream', query))
}

/** Whether what ended the stream has passed when we come again. */
function mayComeAgain(data: string): boolean {
  const end: unknown = JSON.parse(data)
  const reason = textAt(end, 'reason')
  if (reason === 'unauthorised') throw new CommandFailure(`the stream was ended: ${textAt(end, 'detail')}.`)
  return reason !== 'caught-up'
}

function lineOf(event: JsonObject): string {
  const actor = textAt(event, 'actor.name') || textAt(event, 'actor.kind')
  const subject = `${textAt(event, 'subject.kind')} ${textAt(event, 'subject.id')}`.trim()
  return [textAt(event, 'at'), textAt(event, 'type'), actor, subject, formatValue(event['details'])]
    .join('  ')
    .trimEnd()
}
