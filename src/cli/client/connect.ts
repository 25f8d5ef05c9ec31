import { CommandFailure, usage } from '../exit.ts'
import { askSecret, isInteractive } from '../prompt.ts'
import { ApiClient } from './api-client.ts'
import { credentialsPath, storedLogin } from './credentials-file.ts'
import { textAt } from './json.ts'

/** What names server and account on the command line. */
export interface ConnectionFlags {
  readonly server?: string | undefined
  readonly token?: string | undefined
  readonly email?: string | undefined
  readonly organisation?: string | undefined
}

export const DEFAULT_SERVER = 'http://127.0.0.1:8080'

/** A client that may call, and how to leave. */
export interface Session {
  readonly api: ApiClient
  /** Ends a login that was made for this command alone. */
  close(): Promise<void>
}

/**
 * Chooses server and account: options before the environment before the kept login. An address with a password logs in
 * for this command alone.
 */
export async function connect(flags: ConnectionFlags, env: NodeJS.ProcessEnv): Promise<Session> {
  const given = (name: string) => env[name] || undefined
  const organisation = flags.organisation ?? given('GODWIT_ORGANISATION')
  const named = flags.server ?? given('GODWIT_SERVER')
  const login = storedLogin(credentialsPath(env), named === undefined ? undefined : serverUrl(named).href)
  const server = serverUrl(named ?? login?.server ?? DEFAULT_SERVER)
  const open = (token: string) => new ApiClient({ server, token, organisation })
  const stay = (token: string): Session => ({ api: open(token), close: async () => undefined })

  if (flags.token !== undefined) return stay(flags.token)
  if (flags.email !== undefined) return logIn(server, flags.email, { env, open })
  const token = given('GODWIT_TOKEN')
  if (token !== undefined) return stay(token)
  const email = given('GODWIT_EMAIL')
  if (email !== undefined) return logIn(server, email, { env, open })
  if (login) return stay(login.token)
  throw new CommandFailure(
    `no account for ${server.origin}: use "godwit login", or --token (GODWIT_TOKEN), or --email (GODWIT_EMAIL) with GODWIT_PASSWORD.`,
  )
}

/** A server's address in its one spelling. */
export function serverUrl(text: string): URL {
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`)
  if (!url || !/^https?:$/.test(url.protocol))
    throw usage(`--server: "${text}" is not an address such as https://ota.example.com`)
  url.search = ''
  url.hash = ''
  return url
}

/** `GODWIT_PASSWORD`, else what is typed. */
export async function passwordOf(email: string, env: NodeJS.ProcessEnv): Promise<string> {
  const password = env['GODWIT_PASSWORD']
  if (password !== undefined && password !== '') return password
  if (!isInteractive()) throw usage('the password must be in GODWIT_PASSWORD: there is no terminal to ask on')
  return askSecret(`Password of ${email}: `)
}

async function logIn(
  server: URL,
  email: string,
  how: { env: NodeJS.ProcessEnv; open: (token: string) => ApiClient },
): Promise<Session> {
  const password = await passwordOf(email, how.env)
  const answer = await new ApiClient({ server }).send('POST', '/login', { body: { email, password } })
  const api = how.open(textAt(answer, 'token'))
  // The token ends by itself soon; a command that did its work does not fail over it.
  return { api, close: () => api.send('POST', '/logout').then(ignore, ignore) }
}

function ignore(): void {}
