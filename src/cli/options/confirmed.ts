import type { Command } from 'commander'
import { type JsonObject, textAt } from '../client/json.ts'
import { ServerRefusal } from '../client/problem.ts'
import { CommandFailure } from '../exit.ts'
import { note } from '../output/print.ts'
import { ask, isInteractive } from '../prompt.ts'
import type { Call } from './online.ts'

/** For changes that may start updates of running rollouts. */
export function withConfirm(command: Command): Command {
  return command.option('--confirm <token>', 'go on although it starts updates: the token that the refusal gave')
}

/** How somebody is asked. */
interface Terminal {
  isInteractive(): boolean
  ask(question: string): Promise<string>
}

/**
 * Sends a change. Where the server wants it confirmed, because it would start updates, the person at the terminal is
 * asked, and a yes sends it again; without a terminal the command fails and says with which token to repeat it.
 */
export async function confirmed(
  { options }: Pick<Call, 'options'>,
  send: (confirm: string | undefined) => Promise<JsonObject>,
  terminal: Terminal = { isInteractive, ask },
): Promise<JsonObject> {
  try {
    return await send(options.text('confirm'))
  } catch (error) {
    const token = tokenOf(error)
    if (!(error instanceof ServerRefusal) || token === undefined) throw error
    const words = wordsOf(error)
    if (!terminal.isInteractive())
      throw new CommandFailure(`${words}\n  to go on, repeat it with --confirm ${token}`, undefined, { cause: error })
    const answer = await terminal.ask(`${words}\nGo on? [y/N] `)
    if (!/^\s*y(es)?\s*$/i.test(answer)) throw new CommandFailure('nothing was changed', undefined, { cause: error })
    return send(token)
  }
}

/** Of a dry run, or of an import in chunks: what would start, and the token for it. */
export function printStarts(report: JsonObject): void {
  const words = textAt(report, 'starts.words')
  if (words === '') return
  note(`${words}\n  to go on, give --confirm ${textAt(report, 'starts.token')}`)
}

function tokenOf(error: unknown): string | undefined {
  if (!(error instanceof ServerRefusal) || error.problem.code !== 'confirmation-needed') return undefined
  const { token } = error.problem.facts
  return typeof token === 'string' ? token : undefined
}

function wordsOf({ problem }: ServerRefusal): string {
  const { words } = problem.facts
  return typeof words === 'string' ? words : problem.detail
}
