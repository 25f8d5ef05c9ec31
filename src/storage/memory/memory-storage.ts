import { AsyncLocalStorage } from 'node:async_hooks'
import { OtaError } from '../../core/errors.ts'
import type { Change, ChangeListener, Storage, Stores } from '../../core/ports.ts'
import { SOLE_WRITER } from '../sole-writer.ts'
import { Journal } from './journal.ts'
import {
  memoryAccessKeyStore,
  memoryAccessTokenStore,
  memoryIdempotencyStore,
  memoryOnceStore,
} from './memory-access-stores.ts'
import { memoryAccountStore, memoryApiTokenStore, memoryMembershipStore } from './memory-account-stores.ts'
import {
  memoryModuleStore,
  memoryOrganisationStore,
  memoryProductStore,
  memoryReleaseStore,
} from './memory-catalogue-stores.ts'
import { memoryCredentialStore, memoryDeviceStore, memoryGroupStore } from './memory-device-stores.ts'
import { memoryArtifactStore, memoryBlobRecordStore, memoryFirmwareStore } from './memory-firmware-stores.ts'
import {
  memoryAssignmentStore,
  memoryDataFileStore,
  memoryEventStore,
  memorySettingStore,
  memoryTallyStore,
  memoryUpdateStore,
} from './memory-fleet-stores.ts'
import { memoryFloorStore } from './memory-floor-store.ts'
import { memoryHolderStore } from './memory-holder-store.ts'
import { memoryLeaseStore, memoryNodeStore } from './memory-node-stores.ts'
import { relateMemoryTables } from './memory-references.ts'
import { memoryRolloutMemberStore } from './memory-rollout-member-store.ts'
import { memoryRolloutStore } from './memory-rollout-store.ts'
import { memoryRolloutTallyStore } from './memory-rollout-tally-store.ts'
import { memoryAliasStore, memoryRunningStore } from './memory-running-store.ts'
import { ChangeLog, type MemorySession } from './memory-session.ts'
import { committedTables, createMemoryTables } from './memory-tables.ts'
import { memoryDeadLetterStore, memoryWebhookStore } from './memory-webhook-stores.ts'

export interface MemoryStorageOptions {
  /** Without, events are taken and forgotten: a large fleet has more of them than of anything else. Default true. */
  readonly keepsEvents?: boolean
}

/** A storage that forgets everything at the end of the process: for tests and for fleets in virtual time. */
export function openMemoryStorage(options: MemoryStorageOptions = {}): Storage {
  return new MemoryStorage(options)
}

const forget = async (): Promise<void> => undefined

class MemoryStorage implements Storage {
  readonly invalidation = SOLE_WRITER
  readonly read: Stores
  readonly management: Stores
  readonly #tables = createMemoryTables()
  readonly #journal = new Journal()
  readonly #changes = new ChangeLog()
  readonly #stores: Stores
  readonly #listeners: ChangeListener[] = []
  readonly #scope = new AsyncLocalStorage<{ isOpen: boolean }>()
  #last: Promise<void> = Promise.resolve()

  constructor({ keepsEvents = true }: MemoryStorageOptions) {
    const stores = memoryStores({ tables: this.#tables, changes: this.#changes })
    this.#stores = keepsEvents ? stores : { ...stores, events: { ...stores.events, append: forget, appendAll: forget } }
    relateMemoryTables(this.#tables)
    for (const table of Object.values(this.#tables)) table.writesWith(this.#journal)
    this.read = memoryStores({ tables: committedTables(this.#tables), changes: new ChangeLog() })
    this.management = this.read
  }

  async transaction<T>(work: (stores: Stores) => Promise<T>): Promise<T> {
    // It would wait for itself for ever.
    if (this.#scope.getStore()?.isOpen) throw new OtaError('internal', 'A transaction inside a transaction')
    const { promise, resolve } = Promise.withResolvers<void>()
    const before = this.#last
    this.#last = promise
    await before
    const scope = { isOpen: true }
    try {
      const result = await this.#scope.run(scope, () => this.#run(work))
      this.#notify(this.#changes.take())
      return result
    } finally {
      scope.isOpen = false
      resolve()
    }
  }

  async #run<T>(work: (stores: Stores) => Promise<T>): Promise<T> {
    this.#journal.begin()
    try {
      const result = await work(this.#stores)
      this.#journal.commit()
      return result
    } catch (error) {
      this.#journal.rollback()
      this.#changes.take()
      throw error
    }
  }

  /** What is committed is committed: a listener that throws is a bug and ends the process as one. */
  #notify(changes: readonly Change[]): void {
    if (changes.length === 0) return
    for (const listener of this.#listeners) {
      try {
        listener(changes, 'own')
      } catch (error) {
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }

  onChange(listener: ChangeListener): void {
    this.#listeners.push(listener)
  }

  async check(): Promise<void> {}

  async close(): Promise<void> {
    await this.#last
  }
}

function memoryStores(session: MemorySession): Stores {
  return {
    organisations: memoryOrganisationStore(session),
    accounts: memoryAccountStore(session),
    memberships: memoryMembershipStore(session),
    apiTokens: memoryApiTokenStore(session),
    accessKeys: memoryAccessKeyStore(session),
    accessTokens: memoryAccessTokenStore(session),
    once: memoryOnceStore(session),
    idempotency: memoryIdempotencyStore(session),
    products: memoryProductStore(session),
    modules: memoryModuleStore(session),
    devices: memoryDeviceStore(session),
    groups: memoryGroupStore(session),
    credentials: memoryCredentialStore(session),
    holders: memoryHolderStore(session),
    running: memoryRunningStore(session),
    aliases: memoryAliasStore(session),
    firmware: memoryFirmwareStore(session),
    floors: memoryFloorStore(session),
    artifacts: memoryArtifactStore(session),
    blobRecords: memoryBlobRecordStore(session),
    releases: memoryReleaseStore(session),
    assignments: memoryAssignmentStore(session),
    updates: memoryUpdateStore(session),
    rollouts: memoryRolloutStore(session),
    rolloutMembers: memoryRolloutMemberStore(session),
    rolloutTallies: memoryRolloutTallyStore(session),
    events: memoryEventStore(session),
    dataFiles: memoryDataFileStore(session),
    settings: memorySettingStore(session),
    tallies: memoryTallyStore(session),
    webhooks: memoryWebhookStore(session),
    deadLetters: memoryDeadLetterStore(session),
    leases: memoryLeaseStore(session),
    nodes: memoryNodeStore(session),
  }
}
