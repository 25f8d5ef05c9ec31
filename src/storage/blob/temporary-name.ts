import { randomUUID } from 'node:crypto'

const NAME = /^(\d+)-[0-9a-f]{8}-/

/** What the temporary files of one opened store begin with: process id and a token that no other start shares. */
export function temporaryPrefix(): string {
  return `${process.pid}-${randomUUID().slice(0, 8)}-`
}

/**
 * Whether a temporary file was left behind by a process that has ended. A file of a running process is not; one with
 * our own process id but another token is: ids are used again, in containers at every start.
 */
export function isLeftover(name: string, ownPrefix: string): boolean {
  if (name.startsWith(ownPrefix)) return false
  const pid = Number(NAME.exec(name)?.[1] ?? Number.NaN)
  return Number.isNaN(pid) || pid === process.pid || !isRunning(pid)
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
