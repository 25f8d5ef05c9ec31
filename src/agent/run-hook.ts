import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'

/** A hook's process group, so that a later agent can tell whether it still runs. */
export interface HookProcess {
  readonly pid: number
  /** When it was started, in ticks of the machine: a process of the same number later is another one. */
  readonly started: string
}

export interface Hook {
  readonly command: string
  /** Added to the agent's own environment. */
  readonly variables: Readonly<Record<string, string>>
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly timeoutMs: number
  /** Called and awaited before the command begins. */
  readonly onStart: (process: HookProcess) => Promise<void>
  readonly log: (line: string) => void
}

export type HookResult = { readonly kind: 'done' } | { readonly kind: 'failed'; readonly reason: string }

/** The command begins only when it reads `go`: an agent that dies before it has noted the process leaves nothing running. */
const GATE = 'read -r go && exec /bin/sh -c "$GODWIT_HOOK" </dev/null'

/** How long output is waited for after the end of a hook. */
const OUTPUT_MS = 200

/** Last part of a hook's output that is told as the reason, characters. */
const TAIL_CHARS = 300

/**
 * Runs a shell command in a process group of its own. What it prints goes to the log. A command that fails, cannot be
 * started or takes too long is a value, not an exception.
 */
export async function runHook(hook: Hook): Promise<HookResult> {
  const child = spawn('/bin/sh', ['-c', GATE], {
    env: { ...hook.environment, ...hook.variables, GODWIT_HOOK: hook.command },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  })
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
  const { pid } = child
  if (pid === undefined) {
    const reason = await ended.then(
      () => 'could not be started',
      (error: Error) => error.message,
    )
    return { kind: 'failed', reason }
  }
  let tail = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      tail = (tail + text).slice(-TAIL_CHARS)
      for (const line of text.split('\n')) if (line !== '') hook.log(`hook: ${line}`)
    })
  child.stdin.on('error', () => undefined)
  try {
    await hook.onStart({ pid, started: (await startOf(pid)) ?? '' })
  } catch (error) {
    child.stdin.destroy()
    throw error
  }
  let isLate = false
  const limit = setTimeout(() => {
    isLate = true
    killGroup(pid)
  }, hook.timeoutMs)
  child.stdin.end('go\n')
  const [code, signal] = await ended
  clearTimeout(limit)
  // What was printed last may still be under way; a process that it left in the background may print for ever.
  await Promise.race([once(child, 'close'), delay(OUTPUT_MS)])
  for (const stream of [child.stdout, child.stderr]) stream.destroy()
  if (code === 0) return { kind: 'done' }
  const how = isLate ? `took longer than ${hook.timeoutMs / 1000} s` : signal === null ? `exit code ${code}` : signal
  const said = tail.trim().replaceAll(/\s+/g, ' ')
  return { kind: 'failed', reason: said === '' ? how : `${how}: ${said}` }
}

/** Ends a hook that outlived its agent. Resolves when it is gone. */
export async function endHook(hook: HookProcess, sleep: (ms: number) => Promise<void>): Promise<boolean> {
  if (!(await isSame(hook))) return false
  killGroup(hook.pid)
  while (await isSame(hook)) await sleep(20)
  return true
}

async function isSame({ pid, started }: HookProcess): Promise<boolean> {
  return started !== '' && (await startOf(pid)) === started
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It ended by itself.
  }
}

/** Field 22 of `/proc/<pid>/stat`; undefined when there is no such process, or it only waits to be reaped. */
async function startOf(pid: number): Promise<string | undefined> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? undefined : fields[19]
  } catch {
    return undefined
  }
}
