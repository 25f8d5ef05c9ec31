import type { Config } from '../config/settings.ts'
import { checkCluster } from './doctor-cluster.ts'
import { checkBlobs, checkDataDirectory, checkDisk, checkTls } from './doctor-files.ts'
import { checkClock, checkDatabase, checkMasterKeyFile, checkNode } from './doctor-state.ts'
import type { DoctorSources, Finding } from './finding.ts'

/** A check that cannot even be made is a failure of its own, never of the whole examination. */
type Check = (config: Config, sources: DoctorSources) => Finding | Finding[] | Promise<Finding | Finding[]>

const CHECKS: ReadonlyArray<readonly [string, Check]> = [
  ['data directory', checkDataDirectory],
  ['disk', checkDisk],
  ['database', checkDatabase],
  ['master key', checkMasterKeyFile],
  ['blobs', checkBlobs],
  ['clock', checkClock],
  ['servers', checkCluster],
  ['TLS', checkTls],
]

/** Looks at everything that a server needs, and changes nothing. A server may be running. */
export async function examine(sources: DoctorSources): Promise<Finding[]> {
  const findings: Finding[] = [checkNode(sources.nodeVersion)]
  let config: Config
  try {
    config = sources.config()
  } catch (error) {
    return [...findings, { check: 'configuration', verdict: 'fail', detail: messageOf(error) }]
  }
  findings.push({ check: 'configuration', verdict: 'ok', detail: `valid; data in ${config.data}` })
  for (const [check, look] of CHECKS)
    try {
      findings.push(...[await look(config, sources)].flat())
    } catch (error) {
      findings.push({ check, verdict: 'fail', detail: messageOf(error) })
    }
  return findings
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause instanceof Error ? error.cause.message : ''
  return error.message.includes(cause) ? error.message : `${error.message} ${cause}`
}
