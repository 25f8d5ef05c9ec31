import { renameSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type ConnectionOptions, connect, type SecureVersion, type TLSSocket } from 'node:tls'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { type FixedClock, fixedClock } from '../../../test/support/fixed-clock.ts'
import { temporaryFolder } from '../../../test/support/temporary-folder.ts'
import { SECOND_CERTIFICATE, TEST_CERTIFICATE } from '../../../test/support/test-certificate.ts'
import { createLogger } from '../logger.ts'
import { sealedSecrets } from '../runtime/sealed-secrets.ts'
import { TlsListener } from './tls-listener.ts'

const folder = await temporaryFolder()
const closing: Array<() => void> = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})
afterAll(() => folder.remove())

const files = { cert: join(folder.path, 'cert.pem'), key: join(folder.path, 'key.pem') }
const put = (pair: { cert: string; key: string }) => {
  // As tools do it: written beside, then renamed.
  for (const name of ['cert', 'key'] as const) {
    writeFileSync(`${files[name]}.new`, pair[name])
    renameSync(`${files[name]}.new`, files[name])
  }
}

interface Listening {
  readonly port: number
  readonly tls: TlsListener
  readonly lines: string[]
  readonly resumed: boolean[]
}

async function listen(clock: FixedClock, masterKey = 1): Promise<Listening> {
  const secrets = sealedSecrets(Buffer.alloc(32, masterKey))
  const tls = await TlsListener.open({ files, secrets, clock })
  const server: Server = createServer(tls.serverOptions, (_request, response) => response.end('ok'))
  const lines: string[] = []
  const log = createLogger({ level: 'info', destination: { write: (line) => lines.push(line) } }, [])
  const resumed: boolean[] = []
  tls.attach(server, log, (isResumed) => resumed.push(isResumed))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => {
    tls.stop()
    server.closeAllConnections()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, tls, lines, resumed }
}

/** One request on a connection of its own; the session may come after the handshake. */
async function visit({ port }: Listening, options: ConnectionOptions = {}) {
  const sessions: Buffer[] = []
  const socket = await opened(port, options)
  socket.on('session', (session) => sessions.push(session))
  await ask(socket)
  const subject = socket.getPeerX509Certificate()?.subject
  const isResumed = socket.isSessionReused()
  const session = sessions.at(-1) ?? socket.getSession()
  socket.destroy()
  return { isResumed, subject, session }
}

function opened(port: number, options: ConnectionOptions): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options }, () => resolve(socket))
    socket.once('error', reject)
  })
}

function ask(socket: TLSSocket): Promise<string> {
  return new Promise((resolve) => {
    socket.once('data', (chunk) => resolve(String(chunk).slice(0, 15)))
    socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
  })
}

describe.each<SecureVersion>(['TLSv1.2', 'TLSv1.3'])('a session of %s', (version) => {
  const only = { minVersion: version, maxVersion: version }
  const resume = (at: Listening, session: Buffer | undefined) => visit(at, { ...only, ...(session && { session }) })

  it('that began at one server is resumed by another with the same master key', async () => {
    put(TEST_CERTIFICATE)
    const [a, b, stranger] = await Promise.all([listen(fixedClock()), listen(fixedClock()), listen(fixedClock(), 2)])
    const first = await visit(a, only)
    expect(first.isResumed).toBe(false)
    expect(await resume(b, first.session)).toMatchObject({ isResumed: true })
    expect(b.resumed).toEqual([true])
    expect(await resume(stranger, first.session)).toMatchObject({ isResumed: false })
  })

  it('is resumed on the next day, gets a ticket of that day, and is not resumed when its own is older', async () => {
    put(TEST_CERTIFICATE)
    const clock = fixedClock()
    const server = await listen(clock)
    const first = await visit(server, only)
    clock.advance({ days: 1 })
    const second = await resume(server, first.session)
    expect(second.isResumed).toBe(true)
    clock.advance({ days: 1 })
    expect((await resume(server, first.session)).isResumed).toBe(false)
    expect((await resume(server, second.session)).isResumed).toBe(true)
  })

  it('is resumed by a server whose clock is a little behind at midnight', async () => {
    put(TEST_CERTIFICATE)
    const ahead = fixedClock()
    ahead.advance({ days: 1 })
    const [a, b] = await Promise.all([listen(ahead), listen(fixedClock())])
    expect((await resume(b, (await visit(a, only)).session)).isResumed).toBe(true)
  })

  it('is resumed under a new certificate', async () => {
    put(TEST_CERTIFICATE)
    const server = await listen(fixedClock())
    const first = await visit(server, only)
    put(SECOND_CERTIFICATE)
    expect(await server.tls.reload()).toBe('changed')
    expect((await resume(server, first.session)).isResumed).toBe(true)
  })
})

describe('a certificate', () => {
  it('is replaced under live connections, by itself, when its files change', async () => {
    put(TEST_CERTIFICATE)
    const server = await listen(fixedClock())
    const kept = await opened(server.port, {})
    expect(await ask(kept)).toBe('HTTP/1.1 200 OK')
    put(SECOND_CERTIFICATE)
    await expect.poll(async () => (await visit(server)).subject, { timeout: 10_000 }).toContain('godwit second')
    expect(await ask(kept)).toBe('HTTP/1.1 200 OK')
    expect(kept.getPeerX509Certificate()?.subject).toContain('godwit test')
    kept.destroy()
    expect(server.lines.join('')).toContain('a new TLS certificate is in use')
    expect(await server.tls.reload()).toBe('unchanged')
  })

  it.each([
    ['without its key', { cert: SECOND_CERTIFICATE.cert, key: TEST_CERTIFICATE.key }],
    ['cut off in the middle', { cert: SECOND_CERTIFICATE.cert.slice(0, 300), key: SECOND_CERTIFICATE.key }],
    ['that is no certificate', { cert: 'nonsense', key: 'nonsense' }],
  ])('%s is refused, and the old one stays', async (_, pair) => {
    put(TEST_CERTIFICATE)
    const server = await listen(fixedClock())
    put(pair)
    expect(await server.tls.reload()).toBe('refused')
    expect(server.lines.join('')).toContain('the old one stays')
    expect((await visit(server)).subject).toContain('godwit test')
    put(SECOND_CERTIFICATE)
    expect(await server.tls.reload()).toBe('changed')
  })

  it('that has expired is refused, and the old one stays', async () => {
    put(TEST_CERTIFICATE)
    const clock = fixedClock()
    const server = await listen(clock)
    clock.advance({ days: 200 * 365 })
    put(SECOND_CERTIFICATE)
    expect(await server.tls.reload()).toBe('refused')
    expect(server.lines.join('')).toContain('has expired')
  })

  it('that cannot be used at all keeps the server from starting, in words', async () => {
    put({ cert: TEST_CERTIFICATE.cert, key: SECOND_CERTIFICATE.key })
    await expect(listen(fixedClock())).rejects.toThrow('are no certificate and its key')
  })

  it('comes with TLS 1.2 at least', async () => {
    put(TEST_CERTIFICATE)
    const server = await listen(fixedClock())
    await expect(visit(server, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1' })).rejects.toThrow()
  })
})
