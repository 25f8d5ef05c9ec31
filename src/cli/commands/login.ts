import type { Command } from 'commander'
import { ApiClient } from '../client/api-client.ts'
import { DEFAULT_SERVER, passwordOf, serverUrl } from '../client/connect.ts'
import { credentialsPath, forgetLogin, storedLogin, storeLogin } from '../client/credentials-file.ts'
import { objectsAt, textAt } from '../client/json.ts'
import { CommandFailure } from '../exit.ts'
import { withExamples } from '../options/examples.ts'
import { Options } from '../options/options.ts'
import { note, print, printJson } from '../output/print.ts'
import { ask } from '../prompt.ts'

/** `login` and `logout`: a token kept for the commands that follow. */
export function addLoginCommands(program: Command): void {
  const login = program
    .command('login')
    .description('log in and keep the token in ~/.config/godwit/credentials.json')
    .option('--server <url>', 'address of the server (GODWIT_SERVER)')
    .option('--email <address>', 'account (GODWIT_EMAIL); the password comes from GODWIT_PASSWORD, else it is asked')
    .option('--days <n>', 'life of the login, at most 30 (default: 12 hours)')
    .option('--json', 'JSON for programs; without the token')
    .action(() => logIn(new Options(login.opts())))
  withExamples(login, 'godwit login --server https://ota.example.com --email ops@acme.example')

  const logout = program
    .command('logout')
    .description('end the kept login, at the server too')
    .option('--server <url>', 'address of the server; the last login unless given')
    .action(() => logOut(new Options(logout.opts())))
  withExamples(logout, 'godwit logout')
}

const DAY_SECONDS = 86_400

async function logIn(options: Options): Promise<void> {
  const { env } = process
  const path = credentialsPath(env)
  const server = serverUrl(
    options.text('server') ??
      (env['GODWIT_SERVER'] || undefined) ??
      storedLogin(path, undefined)?.server ??
      DEFAULT_SERVER,
  )
  const email = options.text('email') ?? (env['GODWIT_EMAIL'] || undefined) ?? (await ask('E-mail address: '))
  const days = options.number('days', '--days')
  const body = {
    email,
    password: await passwordOf(email, env),
    ...(days !== undefined && { expiresInSeconds: days * DAY_SECONDS }),
  }
  const answer = await new ApiClient({ server }).send('POST', '/login', { body })
  const expiresAt = textAt(answer, 'expiresAt')
  storeLogin(path, { server: server.href, email, token: textAt(answer, 'token'), expiresAt })
  if (options.flag('json')) {
    const { token: _kept, ...rest } = answer
    printJson(rest)
    return
  }
  const organisations = objectsAt(answer, 'organisations').map(
    (one) => `${textAt(one, 'key')} (${textAt(one, 'role')})`,
  )
  print(`Logged in to ${server.origin} as ${email} until ${expiresAt}.`)
  note(organisations.length === 0 ? 'No organisations.' : `Organisations: ${organisations.join(', ')}`)
}

async function logOut(options: Options): Promise<void> {
  const path = credentialsPath(process.env)
  const named = options.text('server')
  const login = storedLogin(path, named === undefined ? undefined : serverUrl(named).href)
  if (!login) throw new CommandFailure('there is no login to end.')
  forgetLogin(path, login.server)
  const client = new ApiClient({ server: serverUrl(login.server), token: login.token })
  const ended = await client.send('POST', '/logout').then(
    () => true,
    () => false,
  )
  print(`Logged out of ${login.server}.`)
  if (!ended) note('The server did not answer; the token there ends by itself.')
}
