import { type FileHandle, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Writes a file so that after a power cut it holds either the old or the new text, and after this call the new one. */
export async function writeDurably(path: string, text: string): Promise<void> {
  const next = `${path}.next`
  await withFile(await open(next, 'w', 0o600), async (file) => {
    await file.writeFile(text)
    await file.sync()
  })
  await rename(next, path)
  await syncFolder(dirname(path))
}

/** Closes the file whatever happens. */
export async function withFile<T>(file: FileHandle, work: (file: FileHandle) => Promise<T>): Promise<T> {
  try {
    return await work(file)
  } finally {
    await file.close()
  }
}

/** Renames a file whose bytes are on disk, so that a power cut does not undo it. */
export async function renameDurably(from: string, to: string): Promise<void> {
  await rename(from, to)
  await syncFolder(dirname(to))
}

/** The text of a file; undefined when there is none. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

export async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 })
}

export async function removeFile(path: string): Promise<void> {
  await rm(path, { force: true })
}

async function syncFolder(path: string): Promise<void> {
  await withFile(await open(path, 'r'), (folder) => folder.sync())
}
