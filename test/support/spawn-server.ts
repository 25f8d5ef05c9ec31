import { type ChildProcess, spawn } from 'node:child_process'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))
export const GODWIT = fileURLToPath(new URL('../../bin/godwit.cjs', import.meta.url))

export interface SpawnedServer {
  readonly url: string
  readonly pid: number
  /** What it wrote to standard error so far: its log. */
  stderr(): string
  /** What it wrote to standard output so far, the ready line included. */
  stdout(): string
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>
  /** SIGKILL; resolves when the process is gone. */
  kill9(): Promise<void>
}

export interface SpawnOptions {
  readonly data: string
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

export const OWNER = { email: 'owner@localhost', password: 'a-password-for-tests' } as const

/** The built server as a process of its own, on a free loopback port, with a known first account. Build before. */
export async function spawnServer(options: SpawnOptions): Promise<SpawnedServer> {
  const child = spawn(GODWIT, ['serve', '--data', options.data, '--port', '0', ...(options.args ?? [])], {
    env: {
      ...process.env,
      // As installed: the command's first line finds the Node that runs the tests.
      PATH: `${dirname(process.execPath)}:${process.env['PATH']}`,
      GODWIT_OWNER_EMAIL: OWNER.email,
      GODWIT_OWNER_PASSWORD: OWNER.password,
      ...options.env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let log = ''
  child.stderr.on('data', (chunk) => {
    log += chunk
  })
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const ready = await readyLine(child)
  if (!ready) throw new Error(`the server ended before it was ready:\n${log}`)
  return {
    ...ready,
    stderr: () => log,
    stdout: () => output,
    stop: () => {
      child.kill('SIGTERM')
      return exited
    },
    kill9: async () => {
      child.kill('SIGKILL')
      await exited
    },
  }
}

function readyLine(child: ChildProcess): Promise<{ url: string; pid: number } | undefined> {
  return new Promise((resolve) => {
    if (!child.stdout) return resolve(undefined)
    const lines = createInterface({ input: child.stdout })
    lines.once('line', (line) => resolve(JSON.parse(line)))
    lines.once('close', () => resolve(undefined))
  })
}

/** Trades the first account's password for a bearer header. */
export async function login(url: string, account: { email: string; password: string } = OWNER) {
  const reply = await fetch(`${url}/api/godwit/v1/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(account),
  })
  if (reply.status !== 200 && reply.status !== 201) throw new Error(`login: ${reply.status} ${await reply.text()}`)
  const { token } = (await reply.json()) as { token: string }
  return { authorization: `Bearer ${token}` }
}
