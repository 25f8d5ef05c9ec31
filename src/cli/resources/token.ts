import type { Command } from 'commander'
import { segment } from '../client/api-client.ts'
import { textAt } from '../client/json.ts'
import { withExamples } from '../options/examples.ts'
import { online } from '../options/online.ts'
import { note, print, printJson } from '../output/print.ts'
import { addAct, addList } from './verbs.ts'

export function addTokenCommands(program: Command): void {
  const noun = program.command('token').description('your own bearer tokens, logins included')
  addList(noun, {
    path: '/tokens',
    meaning: 'your tokens',
    columns: ['name', 'scope', 'organisation', 'expiresAt', 'revokedAt', 'lastUsedAt', 'isCurrent', 'id'],
    examples: ['godwit token list'],
  })
  addCreateToken(noun)
  addAct(noun, {
    name: 'revoke',
    method: 'DELETE',
    path: (call) => `/tokens/${segment(call.args[0] ?? '')}`,
    meaning: 'revoke one of your tokens',
    argument: ['<token>', 'its id'],
    done: 'is revoked',
    examples: ['godwit token revoke 5e2b1c808711f904f5df4bb1'],
  })
}

function addCreateToken(noun: Command): void {
  const command = noun
    .command('create')
    .description('make a token for a program; prints the token alone, this once')
    .argument('<name>', 'what it is for')
    .option('--scope <scope>', 'read, write (operator) or admin (all that you may)', 'write')
    .option('--only <organisation>', 'good for this organisation alone')
    .option('--expires-in <seconds>', 'its life; without end unless given')
  online(command, async (call) => {
    const { api, args, options, json } = call
    const expiresInSeconds = options.number('expiresIn', '--expires-in') ?? null
    const organisation = options.text('only')
    const body = { name: args[0], scope: options.text('scope'), organisation, expiresInSeconds }
    const answer = await api.create('/tokens', { body })
    if (json) return printJson(answer)
    print(textAt(answer, 'token'))
    note(`id ${textAt(answer, 'id')}; the token is shown only now.`)
  })
  withExamples(command, 'GODWIT_TOKEN=$(godwit token create ci --scope write --only acme --expires-in 2592000)')
}
