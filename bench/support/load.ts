import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import autocannon from 'autocannon'

export interface Load {
  readonly url: string
  readonly headers?: Record<string, string>
  readonly connections: number
  readonly seconds: number
}

export interface LoadResult {
  readonly requests: number
  readonly failures: number
  readonly p50Ms: number
  readonly p99Ms: number
}

const WRK = '/usr/bin/wrk'

/** Which load generator is used: wrk where Debian's package is installed, else autocannon. */
export const generator = existsSync(WRK) ? 'wrk' : 'autocannon'

/** Asks one URL as fast as it goes. */
export async function applyLoad(load: Load): Promise<LoadResult> {
  return generator === 'wrk' ? withWrk(load) : withAutocannon(load)
}

function withWrk(load: Load): LoadResult {
  const headers = Object.entries(load.headers ?? {}).flatMap(([name, value]) => ['-H', `${name}: ${value}`])
  const args = ['-t1', `-c${load.connections}`, `-d${load.seconds}s`, '--latency', ...headers, load.url]
  const { stdout } = spawnSync(WRK, args, { encoding: 'utf8' })
  const milliseconds = (label: string) => {
    const [, value = '0', unit = 'ms'] = new RegExp(`${label}\\s+([\\d.]+)(us|ms|s)`).exec(stdout) ?? []
    return Number(value) * (unit === 'us' ? 0.001 : unit === 's' ? 1000 : 1)
  }
  const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(stdout)?.slice(1) ?? []
  // wrk counts the close that it was told to expect as a read error, so reads are not failures.
  const [connect = 0, , write = 0, timeout = 0] = errors.map(Number)
  return {
    requests: Number(/(\d+) requests in/.exec(stdout)?.[1] ?? 0),
    failures: connect + write + timeout + Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0),
    p50Ms: milliseconds('50%'),
    p99Ms: milliseconds('99%'),
  }
}

async function withAutocannon(load: Load): Promise<LoadResult> {
  const result = await autocannon({
    url: load.url,
    connections: load.connections,
    duration: load.seconds,
    ...(load.headers && { headers: load.headers }),
  })
  return {
    requests: result['2xx'],
    failures: result.non2xx + result.errors + result.timeouts,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
  }
}
