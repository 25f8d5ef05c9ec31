import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { VersionSource } from './agent-options.ts'
import { readIfThere } from './durable.ts'

const run = promisify(execFile)
const COMMAND_MS = 30_000

/** What runs, by module. A module whose version nobody can tell, or that is none, is left out. */
export async function runningVersions(
  modules: readonly string[],
  source: VersionSource,
  by: { environment: Readonly<Record<string, string | undefined>>; log: (line: string) => void },
): Promise<Record<string, string>> {
  const versions: Record<string, string> = {}
  for (const module of modules) {
    const text = await versionOf(module, source, by.environment).catch((error: Error) => {
      by.log(`version of ${module}: ${error.message}`)
      return undefined
    })
    const version = text?.trim() ?? ''
    if (/^[\x21-\x7e]{1,64}$/.test(version)) versions[module] = version
    else if (version !== '') by.log(`version of ${module}: "${version.slice(0, 80)}" is none`)
  }
  return versions
}

async function versionOf(
  module: string,
  source: VersionSource,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
  if ('file' in source) return readIfThere(source.file.replaceAll('{module}', module))
  const env = { ...environment, GODWIT_MODULE: module }
  const { stdout } = await run('/bin/sh', ['-c', source.command], { env, timeout: COMMAND_MS })
  return stdout
}
