import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { endWithBench } from './leftovers.ts'

/** A process under measurement. */
export interface MeasuredProcess {
  readonly pid: number
  /** Seconds of processor time used so far, all its living threads. */
  cpuSeconds(): number
  /** Resident memory now, bytes. */
  rss(): number
  /** The most that it was since the start or `resetPeak`, bytes. */
  peakRss(): number
  resetPeak(): void
  stop(): Promise<void>
}

/** A server under measurement, in a process of its own. */
export interface MeasuredServer extends MeasuredProcess {
  readonly url: string
  /** From the start of the process to its ready line, ms. */
  readonly readyMs: number
}

/** Starts `node args…` and waits for its ready line. */
export async function startServer(args: readonly string[], env: Record<string, string> = {}): Promise<MeasuredServer> {
  const startedAt = performance.now()
  const child = endWithBench(
    spawn(process.execPath, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] }),
  )
  const { url } = await readyLine(child)
  return { ...measured(child), url, readyMs: performance.now() - startedAt }
}

/** A process that runs already. */
export function measured(child: ChildProcess): MeasuredProcess {
  const { pid } = child
  if (pid === undefined) throw new Error('the process did not start')
  const status = (name: string) =>
    Number(new RegExp(`${name}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
  return {
    pid,
    cpuSeconds: () => cpuSeconds(pid),
    rss: () => status('VmRSS'),
    peakRss: () => status('VmHWM'),
    // 5: forget the peak (proc(5)).
    resetPeak: () => writeFileSync(`/proc/${pid}/clear_refs`, '5'),
    stop: () =>
      new Promise((resolve) => {
        if (child.exitCode !== null || child.signalCode !== null) return resolve()
        child.once('exit', () => resolve())
        child.kill('SIGTERM')
      }),
  }
}

/** Nanoseconds on a processor of each thread: finer than the ticks of `stat`. */
function cpuSeconds(pid: number): number {
  let nanoseconds = 0
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0])
    } catch (error) {
      // A thread that ended between the two calls.
      if (!['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    }
  }
  return nanoseconds / 1e9
}

async function readyLine(child: ChildProcess): Promise<{ url: string }> {
  if (!child.stdout || !child.stderr) throw new Error('no output')
  let log = ''
  child.stderr.on('data', (chunk) => {
    log = (log + chunk).slice(-4000)
  })
  for await (const line of createInterface({ input: child.stdout })) return JSON.parse(line)
  throw new Error(`the server ended before it was ready:\n${log}`)
}
