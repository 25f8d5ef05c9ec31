import { execFileSync, fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type SecureVersion } from 'node:tls'
import { createLogger } from '../src/server/logger.ts'
import { sealedSecrets } from '../src/server/runtime/sealed-secrets.ts'
import { TlsListener } from '../src/server/tls/tls-listener.ts'

/**
 * TLS handshakes per CPU second of the server: whole with an RSA and an ECDSA certificate, and resumed. The server runs in
 * a process of its own, and only its CPU time counts. `node bench/tls-handshakes.ts [handshakes]`; needs `openssl`.
 */
const COUNT = Number(process.argv[2] ?? 1_000)
const AT_ONCE = 8
const ROUNDS = 5
const KINDS = {
  'RSA 2048': ['rsa:2048'],
  'ECDSA P-256': ['ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'],
} as const

if (process.env['TLS_BENCH_FOLDER'] !== undefined) await serve(process.env['TLS_BENCH_FOLDER'])
else await measure()

async function serve(folder: string): Promise<void> {
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') }
  const tls = await TlsListener.open({ files, secrets: sealedSecrets(Buffer.alloc(32, 1)), clock: { now: Date.now } })
  const server = createServer(tls.serverOptions)
  tls.attach(server, createLogger({ level: 'silent' }, []))
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
  process.on('message', () => process.send?.(process.cpuUsage()))
}

async function measure(): Promise<void> {
  const results = new Map<string, number[]>()
  for (const [name, newKey] of Object.entries(KINDS)) {
    const folder = mkdtempSync(join(tmpdir(), 'godwit-tls-'))
    const out = ['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'cert.pem')]
    execFileSync('openssl', ['req', '-x509', '-newkey', ...newKey, '-nodes', '-subj', '/CN=bench', ...out], {
      stdio: 'ignore',
    })
    const child = fork(import.meta.filename, { env: { ...process.env, TLS_BENCH_FOLDER: folder } })
    const answer = <T>() => new Promise<T>((resolve) => child.once('message', (message) => resolve(message as T)))
    const port = await answer<number>()
    const cpu = async () => {
      const told = answer<NodeJS.CpuUsage>()
      child.send('cpu')
      const { user, system } = await told
      return (user + system) / 1e6
    }
    for (let round = 0; round < ROUNDS; round += 1)
      for (const version of ['TLSv1.2', 'TLSv1.3'] as const)
        for (const session of [undefined, await sessionOf(port, version)]) {
          const before = await cpu()
          await handshakes(port, version, session)
          const key = `${name}, ${version}, ${session ? 'resumed' : 'whole'}`
          results.set(key, [...(results.get(key) ?? []), COUNT / ((await cpu()) - before)])
        }
    child.kill()
    rmSync(folder, { recursive: true })
  }
  for (const [name, values] of results) {
    const sorted = values.toSorted((a, b) => a - b)
    const [low = 0, median = 0, high = 0] = [sorted[0], sorted[ROUNDS >> 1], sorted.at(-1)].map((one) => one ?? 0)
    console.log(
      `${name.padEnd(32)} ${median.toFixed(0).padStart(6)} per CPU second (${low.toFixed(0)} to ${high.toFixed(0)})`,
    )
  }
}

async function sessionOf(port: number, version: SecureVersion): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const only = { minVersion: version, maxVersion: version }
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...only })
    socket.once('session', (session) => {
      socket.destroy()
      resolve(session)
    })
    socket.once('error', reject)
  })
}

async function handshakes(port: number, version: SecureVersion, session: Buffer | undefined): Promise<void> {
  let left = COUNT
  const one = () =>
    new Promise<void>((resolve, reject) => {
      const only = { minVersion: version, maxVersion: version, ...(session && { session }) }
      const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...only }, () => {
        if (socket.isSessionReused() !== (session !== undefined)) reject(new Error('not what is to be measured'))
        socket.destroy()
      })
      socket.once('close', () => resolve())
      socket.once('error', reject)
    })
  const client = async () => {
    while (left-- > 0) await one()
  }
  await Promise.all(Array.from({ length: AT_ONCE }, client))
}
