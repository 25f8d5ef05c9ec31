import { existsSync, readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fleetError, parseFleetFile } from '../../api/fleet/parse-fleet-file.ts'
import { invalid } from '../../core/errors.ts'
import { filesOf } from './apply-fleet-file.ts'

export interface FleetFileOnDisk {
  readonly text: string
  /** The files that it names, each by the name in the text and where it lies. */
  readonly files: ReadonlyMap<string, string>
}

/** Reads and checks a fleet file without a server. Throws `invalid` with the line of what is wrong. */
export function readFleetFile(path: string): FleetFileOnDisk {
  if (!existsSync(path)) throw invalid('fleet', `${path} does not exist`)
  const text = readFileSync(path, 'utf8')
  const files = new Map<string, string>()
  for (const [name, line] of filesOf(parseFleetFile(text))) {
    const file = resolve(dirname(path), name)
    if (!existsSync(file)) throw fleetError(line, `the file "${name}" does not exist`)
    files.set(name, file)
  }
  return { text, files }
}
