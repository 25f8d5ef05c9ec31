import { spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface SmallDisk {
  readonly path: string
  /** Takes all the space that is left. */
  fill(): void
  /** Gives it back. */
  free(): void
  remove(): void
}

/** A file system of its own of `megabytes` in memory; undefined, said loudly, where none may be mounted. An error in CI. */
export function smallDisk(megabytes: number): SmallDisk | undefined {
  const path = mkdtempSync(join(tmpdir(), 'godwit-disk-'))
  const options = `size=${megabytes}m,mode=0700,uid=${process.getuid?.()},gid=${process.getgid?.()}`
  const refusal = asRoot(['mount', '-t', 'tmpfs', '-o', options, 'none', path])
  if (refusal !== undefined) {
    rmSync(path, { recursive: true })
    if (process.env['CI'])
      throw new Error(`CI must prove what a full disk does, but nothing can be mounted: ${refusal}`)
    console.warn(`SKIPPED: no file system of limited size can be mounted (${refusal})`)
    return undefined
  }
  const filler = join(path, 'filler')
  return {
    path,
    fill: () => writeUntilFull(filler),
    free: () => rmSync(filler, { force: true }),
    remove: () => {
      asRoot(['umount', '-l', path])
      rmSync(path, { recursive: true, force: true })
    },
  }
}

/** Why it did not work; undefined when it did. */
function asRoot(command: readonly string[]): string | undefined {
  const [program = '', ...args] = process.getuid?.() === 0 ? command : ['sudo', '-n', ...command]
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' })
  return status === 0 ? undefined : (error?.message ?? stderr.trim())
}

function writeUntilFull(path: string): void {
  const file = openSync(path, 'w')
  try {
    for (let size = 2 ** 20; size >= 1; size /= 2) writeWhilePossible(file, Buffer.alloc(size, 'x'))
  } finally {
    closeSync(file)
  }
}

function writeWhilePossible(file: number, bytes: Buffer): void {
  try {
    while (writeSync(file, bytes) === bytes.length);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
  }
}
