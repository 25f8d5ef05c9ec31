import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

/** A server under measurement, in a process of its own. */
export interface MeasuredServer {
  readonly url: string
  readonly pid: number
  /** Seconds of processor time used so far, all threads. */
  cpuSeconds(): number
  /** Resident memory, bytes. */
  rss(): number
  stop(): Promise<void>
}

/** Linux counts processor time in ticks of 1/100 s. */
const TICKS_PER_SECOND = 100

/** Starts `node args…` and waits for its ready line. */
export async function startServer(args: readonly string[], env: Record<string, string> = {}): Promise<MeasuredServer> {
  const child = spawn(process.execPath, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const { url, pid } = await readyLine(child)
  return {
    url,
    pid,
    cpuSeconds() {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
      return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
    },
    rss: () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024,
    stop: () =>
      new Promise((resolve) => {
        child.once('exit', () => resolve())
        child.kill('SIGTERM')
      }),
  }
}

async function readyLine(child: ChildProcess): Promise<{ url: string; pid: number }> {
  if (!child.stdout) throw new Error('no standard output')
  for await (const line of createInterface({ input: child.stdout })) return JSON.parse(line)
  throw new Error('the server ended before it was ready')
}
