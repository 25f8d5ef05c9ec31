import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { cpus, loadavg, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { findPostgres } from '../../test/support/postgres-binaries.ts'
import type { Machine } from '../report/results.ts'
import { nginxVersion } from './nginx.ts'

/** What figures depend on besides the code. */
export function describeMachine(): Machine {
  return {
    processor: cpus()[0]?.model.trim() || 'unknown processor',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    system: `${systemName()}, Linux ${release()}`,
    node: process.versions.node,
    postgres: postgresVersion(),
    nginx: nginxVersion(),
    loadBefore: Math.round((loadavg()[0] ?? 0) * 100) / 100,
  }
}

/** The commit under measurement, marked when files differ from it. */
export function commitOf(root: string): string {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim()
  try {
    const isChanged = git('status', '--porcelain', '--untracked-files=no') !== ''
    return `${git('rev-parse', '--short=12', 'HEAD')}${isChanged ? ' with changes' : ''}`
  } catch {
    return 'an unknown commit'
  }
}

function systemName(): string {
  const file = '/etc/os-release'
  return (existsSync(file) && /PRETTY_NAME="(.*)"/.exec(readFileSync(file, 'utf8'))?.[1]) || process.platform
}

function postgresVersion(): string {
  const found = findPostgres()
  if ('skip' in found) return `none (${found.skip})`
  const text = execFileSync(join(found.folder, 'postgres'), ['--version'], { encoding: 'utf8' })
  return /[\d.]+/.exec(text)?.[0] ?? text
}
