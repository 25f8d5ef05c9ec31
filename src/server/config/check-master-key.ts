import { OtaError } from '../../core/errors.ts'
import type { Secrets, Storage } from '../../core/ports.ts'

const SETTING = 'master-key-check'
const TEXT = 'godwit'

/**
 * Refuses to go on under a master key that is not the database's: every stored secret would be unreadable. The first
 * start leaves a sealed text behind to check against.
 */
export async function checkMasterKey(storage: Storage, secrets: Pick<Secrets, 'seal' | 'open'>): Promise<void> {
  const sealed = await storage.read.settings.get(SETTING)
  if (sealed === undefined) {
    await storage.transaction((stores) => stores.settings.set(SETTING, secrets.seal(TEXT, SETTING)))
    return
  }
  try {
    secrets.open(sealed, SETTING)
  } catch (cause) {
    throw new OtaError('storage-failed', 'The master key is not the one that this database was made with.', { cause })
  }
}
