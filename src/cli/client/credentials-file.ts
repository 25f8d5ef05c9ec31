import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { CommandFailure } from '../exit.ts'
import { at, isJsonObject, textAt } from './json.ts'

/** A login that was kept. */
export interface StoredLogin {
  readonly server: string
  readonly email: string
  readonly token: string
  /** ISO 8601; absent: no end. */
  readonly expiresAt?: string
}

interface CredentialsFile {
  /** The server of the last login: what commands use that name none. */
  readonly current?: string
  readonly logins: Readonly<Record<string, StoredLogin>>
}

/** `$XDG_CONFIG_HOME/godwit/credentials.json`, else below `~/.config`. */
export function credentialsPath(env: NodeJS.ProcessEnv): string {
  const home = env['XDG_CONFIG_HOME']
  return join(home !== undefined && home !== '' ? home : join(homedir(), '.config'), 'godwit', 'credentials.json')
}

/** The login at `server`, else the last one. */
export function storedLogin(path: string, server: string | undefined): StoredLogin | undefined {
  const file = read(path)
  const name = server ?? file.current
  return name === undefined ? undefined : file.logins[name]
}

/** Keeps a login and makes it the current one. The file is 0600 and replaced whole. */
export function storeLogin(path: string, login: StoredLogin): void {
  const { logins } = read(path)
  write(path, { current: login.server, logins: { ...logins, [login.server]: login } })
}

/** Forgets the login at `server`; the file goes with its last login. */
export function forgetLogin(path: string, server: string): void {
  const { current, logins } = read(path)
  const { [server]: _gone, ...rest } = logins
  if (Object.keys(rest).length === 0) rmSync(path, { force: true })
  else write(path, { ...(current !== undefined && current !== server && { current }), logins: rest })
}

function read(path: string): CredentialsFile {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return { logins: {} }
    throw new CommandFailure(`${path} cannot be read.`, undefined, { cause: error })
  }
  try {
    const file: unknown = JSON.parse(text)
    const current = textAt(file, 'current')
    const logins = at(file, 'logins')
    return { ...(current !== '' && { current }), logins: isJsonObject(logins) ? loginsOf(logins) : {} }
  } catch (error) {
    throw new CommandFailure(`${path} is not JSON; delete it and log in again.`, undefined, { cause: error })
  }
}

function loginsOf(logins: Readonly<Record<string, unknown>>): Record<string, StoredLogin> {
  const entries = Object.entries(logins).map(([server, login]): [string, StoredLogin] => {
    const expiresAt = textAt(login, 'expiresAt')
    const known = { server, email: textAt(login, 'email'), token: textAt(login, 'token') }
    return [server, expiresAt === '' ? known : { ...known, expiresAt }]
  })
  return Object.fromEntries(entries)
}

function write(path: string, file: CredentialsFile): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const temporary = `${path}.${process.pid}`
  writeFileSync(temporary, `${JSON.stringify(file, null, 2)}\n`, { mode: 0o600 })
  chmodSync(temporary, 0o600)
  renameSync(temporary, path)
}
