import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileInZip } from './zip.ts'

/** A released firmware image for real hardware. */
export interface RealImage {
  /** The hub it is for, for example `primehub`. */
  readonly board: string
  /** SemVer, for example `4.0.0-b5`. */
  readonly version: string
  readonly bytes: Uint8Array
}

const PACKAGE = '@pybricks/firmware'

/**
 * The MIT-licensed images that the package `@pybricks/firmware` ships, sorted by board (ARM controllers, 100 to 800 KB).
 * Undefined where the package is not installed: nothing here needs it.
 */
export function realImages(): readonly RealImage[] | undefined {
  const folder = packageFolder()
  if (folder === undefined) return undefined
  const images = readdirSync(join(folder, 'build'))
    .filter((name) => name.endsWith('.zip'))
    .sort()
    .map((name) => imageIn(join(folder, 'build', name), name.slice(0, -'.zip'.length)))
  return images.filter((image) => image !== undefined)
}

function packageFolder(): string | undefined {
  try {
    return dirname(createRequire(import.meta.url).resolve(`${PACKAGE}/package.json`))
  } catch {
    return undefined
  }
}

function imageIn(path: string, board: string): RealImage | undefined {
  const archive = readFileSync(path)
  const bytes = fileInZip(archive, 'firmware-base.bin')
  const metadata = fileInZip(archive, 'firmware.metadata.json')
  if (bytes === undefined || metadata === undefined) return undefined
  const label = /"firmware-version":\s*"([^"]+)"/.exec(Buffer.from(metadata).toString('utf8'))?.[1] ?? ''
  const version = semverIn(label)
  return version === undefined ? undefined : { board, version, bytes }
}

/** Labels read like `ci-release-90-v4.0.0b5`. */
function semverIn(label: string): string | undefined {
  const [, release, pre] = /v([0-9]+\.[0-9]+\.[0-9]+)([0-9A-Za-z.]*)$/.exec(label) ?? []
  if (release === undefined) return undefined
  return pre === undefined || pre === '' ? release : `${release}-${pre}`
}
