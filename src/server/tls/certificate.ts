import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import type { Millis } from '../../core/common.ts'
import { OtaError } from '../../core/errors.ts'

export interface CertificateFiles {
  readonly cert: string
  readonly key: string
}

/** A chain and its key in PEM, which fit together. */
export interface Certificate extends CertificateFiles {
  readonly expiresAt: Millis
  /** SHA-256 of the first certificate, for the log. */
  readonly fingerprint: string
}

/** Reads both files. Throws `invalid`, with a sentence, when they cannot be read or do not fit together. */
export async function readCertificate(files: CertificateFiles): Promise<Certificate> {
  const [cert, key] = await Promise.all([read('tlsCert', files.cert), read('tlsKey', files.key)])
  try {
    createSecureContext({ cert, key })
    const { validToDate, fingerprint256 } = new X509Certificate(cert)
    return { cert, key, expiresAt: validToDate.getTime(), fingerprint: fingerprint256 }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new OtaError('invalid', `${files.cert} and ${files.key} are no certificate and its key: ${reason}`, { cause })
  }
}

async function read(field: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new OtaError('invalid', `${field}: ${reason}`, { cause, details: { field } })
  }
}
