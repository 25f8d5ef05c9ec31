import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { removeFile } from './durable.ts'

/** Keeps a second agent from the same folder. Throws when one is at work; one that was killed is no hindrance. */
export async function lockState(folder: string, own: number): Promise<() => Promise<void>> {
  const path = join(folder, 'agent.pid')
  for (;;) {
    try {
      await writeFile(path, String(own), { flag: 'wx', mode: 0o600 })
      return () => removeFile(path)
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    }
    const other = Number(await readFile(path, 'utf8').catch(() => ''))
    if (other !== own && (await isAgent(other))) throw new Error(`another agent (process ${other}) uses ${folder}`)
    await removeFile(path)
  }
}

async function isAgent(pid: number): Promise<boolean> {
  if (!Number.isInteger(pid) || pid < 1) return false
  const command = await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '')
  return command.split('\0').includes('agent')
}
