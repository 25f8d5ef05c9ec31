import type { New, Serial } from '../../../core/common.ts'
import type { Artifact } from '../../../core/firmware/firmware.ts'
import type { ArtifactStore } from '../../../core/firmware/firmware-store.ts'
import type { Session } from '../session.ts'
import { statement } from '../statement.ts'
import { ARTIFACTS } from './firmware-rows.ts'

const LIST_BY_FIRMWARE = statement((db, firmware: Serial) =>
  db
    .selectFrom('artifacts')
    .selectAll()
    .where('firmware', '=', firmware)
    .orderBy('is_primary', 'desc')
    .orderBy('serial'),
)

export class SqlArtifactStore implements ArtifactStore {
  readonly #session: Session

  constructor(session: Session) {
    this.#session = session
  }

  async insert(row: New<Artifact>): Promise<Artifact> {
    const artifact = await ARTIFACTS.insert(this.#session, row)
    this.#session.changes.fleet(artifact.organisation)
    return artifact
  }

  find(serial: Serial): Promise<Artifact | undefined> {
    return ARTIFACTS.find(this.#session, serial)
  }

  listByFirmware(firmware: Serial): Promise<Artifact[]> {
    return ARTIFACTS.many(this.#session, LIST_BY_FIRMWARE(this.#session, firmware))
  }
}
