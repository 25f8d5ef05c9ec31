import type { Serial } from '../../../core/common.ts'
import type { RunningVersion } from '../../../core/device/device.ts'
import type { Row } from '../schema.ts'
import type { Session } from '../session.ts'
import { slices } from '../slice.ts'

/** What these devices run, by device and module; one statement for each 1,000 devices. */
export async function runningOf(session: Session, devices: readonly Serial[]): Promise<RunningVersion[]> {
  const found: RunningVersion[] = []
  for (const serials of slices([...new Set(devices)])) {
    const query = session.compiler
      .selectFrom('running_versions')
      .selectAll()
      .where('device', 'in', serials)
      .orderBy('device')
      .orderBy('module')
    for (const row of await session.all(query.compile())) found.push(toRunning(row))
  }
  return found
}

export function toRunning(row: Row<'running_versions'>): RunningVersion {
  return {
    device: row.device,
    module: row.module,
    version: row.version,
    previousVersion: row.previous_version,
    reportedAt: row.reported_at,
  }
}
