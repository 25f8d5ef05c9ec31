import { createHash } from 'node:crypto'
import { seededRandom } from '../../src/simulator/seeded-random.ts'

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** Bytes of a version: whoever knows the name knows them. */
export function contentOf(name: string, size = 150_000): Uint8Array {
  const bytes = seededRandom(name).bytes(size)
  bytes[0] = 0xe9
  return bytes
}

/** One upload as the client outside saw it. */
export interface Upload {
  readonly version: string
  readonly sha256: string
  id?: string
  state: 'sent' | 'stored' | 'deleting' | 'deleted'
}

/** Deploys to one device, in order: which was answered with success last, and which was sent last. */
export interface Deploys {
  readonly device: string
  readonly token: string
  acknowledged: number
  sent: number
}

/** Deleting stops at so many stored ones, so that there is always something to lose. */
const LEFT_ALONE = 6

/** What a client outside knows: everything that it sent, and what was answered with success. The oracle of a crash. */
export class Ledger {
  readonly uploads: Upload[] = []
  readonly deploys: Deploys[] = []
  readonly devices: { readonly key: string; state: 'sent' | 'stored' }[] = []

  /** Calls answered with success so far, of every kind. */
  acknowledged(): number {
    const done = [...this.uploads, ...this.devices].filter(({ state }) => state === 'stored' || state === 'deleted')
    return done.length + this.deploys.reduce((sum, deploys) => sum + deploys.acknowledged, 0)
  }

  /** An upload that may be deleted now, claimed by marking it. */
  claimForDeletion(): Upload | undefined {
    const stored = this.uploads.filter((one) => one.state === 'stored')
    const [oldest] = stored.length > LEFT_ALONE ? stored : []
    if (oldest) oldest.state = 'deleting'
    return oldest
  }
}

export const deployedVersion = (deploys: Deploys, index: number): string => `${deploys.device}-${index}`
