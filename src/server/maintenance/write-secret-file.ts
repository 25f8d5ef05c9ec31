import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs'
import { OtaError } from '../../core/errors.ts'

/** Writes a new file of mode 0600 and flushes it. Throws `storage-failed` when it exists or cannot be written. */
export function writeSecretFile(path: string, text: string): void {
  try {
    const descriptor = openSync(path, 'wx', 0o600)
    try {
      writeSync(descriptor, text)
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
  } catch (cause) {
    throw new OtaError('storage-failed', `${path} cannot be written.`, { cause })
  }
}
