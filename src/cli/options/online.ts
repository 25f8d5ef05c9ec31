import type { Command } from 'commander'
import type { ApiClient } from '../client/api-client.ts'
import { connect } from '../client/connect.ts'
import { Options } from './options.ts'

/** A command that talks to a server, under way. */
export interface Call {
  readonly api: ApiClient
  /** Arguments without options. */
  readonly args: readonly string[]
  readonly options: Options
  /** Whether the answer is wanted as JSON. */
  readonly json: boolean
}

/** Adds what chooses server and account. */
export function withServer(command: Command): Command {
  return command
    .option('--server <url>', 'address of the server (GODWIT_SERVER)')
    .option('--token <token>', 'bearer token (GODWIT_TOKEN)')
    .option('--email <address>', 'log in for this command; password in GODWIT_PASSWORD or asked (GODWIT_EMAIL)')
    .option('--organisation <key>', 'organisation, where the account has several (GODWIT_ORGANISATION)')
}

/** Makes a command one that talks to a server: its options, the login, `--json` and the way out. */
export function online(command: Command, work: (call: Call) => Promise<void>): Command {
  return withServer(command)
    .option('--json', 'the answer of the API as JSON')
    .action(async () => {
      const given = new Options(command.opts())
      const flags = {
        server: given.text('server'),
        token: given.text('token'),
        email: given.text('email'),
        organisation: given.text('organisation'),
      }
      const session = await connect(flags, process.env)
      try {
        await work({ api: session.api, args: command.args, options: given, json: given.flag('json') })
      } finally {
        await session.close()
      }
    })
}
