import { open } from 'node:fs/promises'

/** Flushes a directory, so that names made or renamed in it survive a power cut. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
