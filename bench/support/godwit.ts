import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { MASTER_KEY, OWNER } from '../fleet/fleet.ts'
import { type MeasuredServer, startServer } from './server-process.ts'

const GODWIT = fileURLToPath(new URL('../../bin/godwit.cjs', import.meta.url))

export interface GodwitOptions {
  readonly data: string
  readonly databaseUrl?: string
  /** Where firmware bytes go; absent: the data folder. */
  readonly blobs?: string
  /** A module that Node loads before the server. */
  readonly preload?: string
  readonly env?: Readonly<Record<string, string>>
}

/** Starts Godwit as it is installed: the built server, its own first line's options, defaults everywhere. */
export function startGodwit({ data, databaseUrl, blobs, preload, env }: GodwitOptions): Promise<MeasuredServer> {
  const loading = preload === undefined ? [] : ['--import', preload]
  const places = [
    ...(databaseUrl === undefined ? [] : ['--database-url', databaseUrl]),
    ...(blobs === undefined ? [] : ['--blobs', blobs]),
  ]
  return startServer(
    [...nodeOptions(), ...loading, GODWIT, 'serve', '--data', data, '--port', '0', '--log', 'warn', ...places],
    {
      GODWIT_MASTER_KEY: MASTER_KEY,
      GODWIT_OWNER_EMAIL: OWNER.email,
      GODWIT_OWNER_PASSWORD: OWNER.password,
      NODE_ENV: 'production',
      ...env,
    },
  )
}

/** What the command's first line gives to Node. */
function nodeOptions(): string[] {
  const { stdout } = spawnSync('head', ['-1', GODWIT], { encoding: 'utf8' })
  return stdout.match(/--[\w=-]+/g) ?? []
}

/** Bearer header of the first account. */
export async function login(url: string): Promise<Record<string, string>> {
  const reply = await fetch(`${url}/api/godwit/v1/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(OWNER),
  })
  if (!reply.ok) throw new Error(`login: ${reply.status} ${await reply.text()}`)
  const { token } = (await reply.json()) as { token: string }
  return { authorization: `Bearer ${token}`, 'godwit-organisation': 'acme' }
}
