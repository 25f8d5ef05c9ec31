import type { Command } from 'commander'
import { segment } from '../client/api-client.ts'
import { addResetPassword } from '../commands/reset-password.ts'
import { usage } from '../exit.ts'
import { withExamples } from '../options/examples.ts'
import { type Call, online } from '../options/online.ts'
import { print, printJson } from '../output/print.ts'
import { askSecret, firstLineOfInput, isInteractive } from '../prompt.ts'
import { addAct, addList, addShow, printThing } from './verbs.ts'

const one = (call: Call, rest = '') => `/accounts/${segment(call.args[0] ?? '')}${rest}`
const ARGUMENT = ['<account>', 'e-mail address or id'] as const

export function addAccountCommands(program: Command): void {
  const noun = program.command('account').description('people and machines that operate, and their roles')
  addList(noun, {
    path: (call) => (call.options.flag('ofServer') ? '/server/accounts' : '/accounts'),
    meaning: 'who belongs to the organisation',
    columns: ['email', 'role', 'isAdministrator', 'lockedUntil', 'id'],
    extra: (command) => {
      command.option('--of-server', 'every account of the server; for administrators')
    },
    examples: ['godwit account list'],
  })
  addShow(noun, {
    path: one,
    meaning: 'one account',
    argument: ARGUMENT,
    examples: ['godwit account show ops@acme.example'],
  })
  addCreateAccount(noun)
  addRole(noun)
  addPassword(noun)
  addAct(noun, {
    name: 'unlock',
    method: 'POST',
    path: (call) => one(call, '/unlock'),
    meaning: 'end the lock that repeated failures have set',
    argument: ARGUMENT,
    done: 'is unlocked',
    examples: ['godwit account unlock ops@acme.example'],
  })
  addAct(noun, {
    name: 'remove',
    method: 'DELETE',
    path: one,
    meaning: 'take an account out of the organisation; the account itself stays',
    argument: ARGUMENT,
    done: 'is out',
    examples: ['godwit account remove ops@acme.example'],
  })
  addResetPassword(noun)
}

const ROLES = 'owner, operator or viewer'

function addCreateAccount(noun: Command): void {
  const command = noun
    .command('create')
    .description('make an account in the organisation, or take an existing one in')
    .argument('<email>', 'its address')
    .option('--role <role>', ROLES, 'operator')
    .option('--password-stdin', 'take the password from the first line of standard input; else asked')
    .option('--existing', 'the account exists already; no password')
    .option('--of-server', 'an account of no organisation yet; for administrators')
    .option('--administrator', 'with --of-server: a server administrator')
  online(command, async (call) => {
    const { api, args, options } = call
    const email = args[0] ?? ''
    const password = options.flag('existing') ? undefined : await newPassword(call)
    const isOfServer = options.flag('ofServer')
    const body = isOfServer
      ? { email, password, isAdministrator: options.flag('administrator') }
      : { email, password, role: options.text('role') }
    printThing(call, await api.create(isOfServer ? '/server/accounts' : '/accounts', { body }))
  })
  withExamples(
    command,
    'pass generate -n ops | godwit account create ops@acme.example --role operator --password-stdin',
    'godwit account create ops@acme.example --existing --role viewer',
  )
}

async function newPassword({ args, options }: Call): Promise<string> {
  if (options.flag('passwordStdin')) return firstLineOfInput()
  if (!isInteractive()) throw usage('give the password with --password-stdin')
  return askSecret(`New password of ${args[0]}: `)
}

function addRole(noun: Command): void {
  addAct(noun, {
    name: 'role',
    method: 'PUT',
    path: (call) => one(call, '/role'),
    meaning: 'change the role of an account; the last owner stays one',
    argument: ARGUMENT,
    required: [{ member: 'role', flag: 'role', kind: 'text', meaning: ROLES, value: 'role' }],
    body: ({ options }) => ({ role: options.text('role') }),
    done: 'has it',
    examples: ['godwit account role ops@acme.example --role viewer'],
  })
}

function addPassword(noun: Command): void {
  const command = noun
    .command('password')
    .description('set a password through the API; unlocks the account and ends its logins')
    .argument(...ARGUMENT)
    .option('--password-stdin', 'take it from the first line of standard input; else asked')
  online(command, async (call) => {
    const answer = await call.api.send('PUT', one(call, '/password'), { body: { password: await newPassword(call) } })
    if (call.json) printJson(answer)
    else print(`${call.args[0]} has a new password`)
  })
  withExamples(command, 'godwit account password ops@acme.example')
}
