import { type FSWatcher, watch } from 'node:fs'
import type { ServerOptions } from 'node:https'
import { dirname } from 'node:path'
import type { SecureContextOptions, Server, TLSSocket } from 'node:tls'
import type { FastifyBaseLogger } from 'fastify'
import { OtaError } from '../../core/errors.ts'
import type { Clock, Secrets } from '../../core/ports.ts'
import { type Certificate, type CertificateFiles, readCertificate } from './certificate.ts'
import { useTicketKeys } from './session-tickets.ts'
import { TicketKeys } from './ticket-keys.ts'

/** A session can be resumed for so long, by its ticket: as long as the key of the day before is taken. */
export const SESSION_SECONDS = 86_400
/** Changes of files that come so close together are one. */
const GATHER_MS = 500
/** Files are looked at so often where nothing tells of changes. */
const LOOK_MS = 60_000

export type Reload = 'changed' | 'unchanged' | 'refused'

export interface TlsListenerOptions {
  readonly files: CertificateFiles
  readonly secrets: Pick<Secrets, 'derive'>
  readonly clock: Clock
}

/** The TLS side of one listener: its certificate, read again when it changes, and the keys of its session tickets. */
export class TlsListener {
  readonly #files: CertificateFiles
  readonly #clock: Clock
  readonly #keys: TicketKeys
  #certificate: Certificate
  #server: Server | undefined
  #log: FastifyBaseLogger | undefined
  #watchers: FSWatcher[] = []
  #looking: NodeJS.Timeout | undefined
  #gathering: NodeJS.Timeout | undefined
  #last: Promise<unknown> = Promise.resolve()

  private constructor({ files, secrets, clock }: TlsListenerOptions, certificate: Certificate) {
    this.#files = files
    this.#clock = clock
    this.#keys = new TicketKeys(secrets.derive('tls-tickets'), () => clock.now())
    this.#certificate = certificate
  }

  /** Throws `invalid` when the certificate cannot be used. One that has expired can: some devices do not look. */
  static async open(options: TlsListenerOptions): Promise<TlsListener> {
    return new TlsListener(options, await readCertificate(options.files))
  }

  /** For `https.createServer`. */
  get serverOptions(): ServerOptions {
    return this.#secure(this.#certificate)
  }

  /** Takes over a server made with `serverOptions`; from now on the files are watched. */
  attach(server: Server, log: FastifyBaseLogger, onHandshake: (isResumed: boolean) => void = () => undefined): void {
    this.#server = server
    this.#log = log
    if (!useTicketKeys(server, this.#keys))
      log.warn('this Node.js takes one ticket key only: sessions are not resumed after the day they began')
    server.on('secureConnection', (socket: TLSSocket) => onHandshake(socket.isSessionReused()))
    const gather = () => {
      clearTimeout(this.#gathering)
      this.#gathering = setTimeout(() => void this.reload(), GATHER_MS).unref()
    }
    // Folders, not files: certificates are replaced by renaming, and by links that point elsewhere.
    for (const folder of new Set([dirname(this.#files.cert), dirname(this.#files.key)]))
      this.#watchers.push(watch(folder, { persistent: false }, gather).on('error', () => undefined))
    this.#looking = setInterval(() => void this.reload(), LOOK_MS).unref()
  }

  /**
   * Reads the files again. What is established goes on as it is, new connections get the new certificate. One that
   * cannot be used, or has expired, is refused and logged; the old one stays.
   */
  reload(): Promise<Reload> {
    const result = this.#last.then(() => this.#reload())
    this.#last = result
    return result
  }

  stop(): void {
    clearInterval(this.#looking)
    clearTimeout(this.#gathering)
    for (const watcher of this.#watchers) watcher.close()
    this.#watchers = []
  }

  async #reload(): Promise<Reload> {
    try {
      const fresh = await readCertificate(this.#files)
      if (fresh.cert === this.#certificate.cert && fresh.key === this.#certificate.key) return 'unchanged'
      if (fresh.expiresAt <= this.#clock.now()) throw new OtaError('invalid', 'The new certificate has expired.')
      this.#server?.setSecureContext(this.#secure(fresh))
      if (this.#server) useTicketKeys(this.#server, this.#keys)
      this.#certificate = fresh
      const { fingerprint, expiresAt } = fresh
      this.#log?.info({ fingerprint, expiresAt }, 'a new TLS certificate is in use')
      return 'changed'
    } catch (error) {
      this.#log?.error(
        { err: error, files: this.#files },
        'the TLS certificate on disk cannot be used; the old one stays',
      )
      return 'refused'
    }
  }

  #secure({ cert, key }: Certificate): SecureContextOptions {
    return {
      cert,
      key,
      minVersion: 'TLSv1.2',
      sessionTimeout: SESSION_SECONDS,
      // The same on every server, whatever it was started with: else no ticket of another one is taken.
      sessionIdContext: 'godwit',
    }
  }
}
