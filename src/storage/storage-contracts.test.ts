import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { afterAll, describe } from 'vitest'
import { sharedPostgres } from '../../test/support/postgres.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { describeAccessStores } from '../core/access/access-store.contract.ts'
import { describeAccountStores } from '../core/account/account-store.contract.ts'
import { describeAssignmentStore } from '../core/assignment/assignment-store.contract.ts'
import { describeDataFileStore } from '../core/data-file/data-file-store.contract.ts'
import { describeAliasStore } from '../core/device/alias-store.contract.ts'
import { describeCredentialStore } from '../core/device/credential-store.contract.ts'
import { describeDeviceFilter } from '../core/device/device-filter.contract.ts'
import { describeDeviceStore } from '../core/device/device-store.contract.ts'
import { describeGroupStore } from '../core/device/group-store.contract.ts'
import { describeHolderStore } from '../core/device/holder-store.contract.ts'
import { describeRunningStore } from '../core/device/running-store.contract.ts'
import { describeEventStore } from '../core/event/event-store.contract.ts'
import { describeBlobRecordStore } from '../core/firmware/blob-record-store.contract.ts'
import { describeFirmwareStores } from '../core/firmware/firmware-store.contract.ts'
import { describeFloorStore } from '../core/floor/floor-store.contract.ts'
import { describeLeaseStore } from '../core/lease/lease-store.contract.ts'
import { describeNodeStore } from '../core/node/node-store.contract.ts'
import { describeOrganisationStore } from '../core/organisation/organisation-store.contract.ts'
import { describeTallyStore } from '../core/organisation/tally-store.contract.ts'
import type { Storage } from '../core/ports.ts'
import { describeProductStores } from '../core/product/product-store.contract.ts'
import { describeReleaseStore } from '../core/release/release-store.contract.ts'
import { describeMemberSearch } from '../core/rollout/member-search.contract.ts'
import { describeRolloutDeletion } from '../core/rollout/rollout-deletion.contract.ts'
import { describeRolloutMemberStore } from '../core/rollout/rollout-member-store.contract.ts'
import { describeRolloutOffering } from '../core/rollout/rollout-offering.contract.ts'
import { describeRolloutStore } from '../core/rollout/rollout-store.contract.ts'
import { describeRolloutTallyRaces } from '../core/rollout/rollout-tally-races.contract.ts'
import { describeRolloutTallyStore } from '../core/rollout/rollout-tally-store.contract.ts'
import { describeStorage } from '../core/storage.contract.ts'
import { describeStorageNotifications } from '../core/storage-notifications.contract.ts'
import { describeUpdateBatches } from '../core/update/update-batches.contract.ts'
import { describeUpdateStore } from '../core/update/update-store.contract.ts'
import { describeWebhookStores } from '../core/webhook/webhook-store.contract.ts'
import { openMemoryStorage } from './memory/memory-storage.ts'
import { openSqlStorage } from './sql/open-storage.ts'

const CONTRACTS = [
  describeStorage,
  describeStorageNotifications,
  describeOrganisationStore,
  describeTallyStore,
  describeAccountStores,
  describeAccessStores,
  describeProductStores,
  describeDeviceStore,
  describeDeviceFilter,
  describeGroupStore,
  describeCredentialStore,
  describeRunningStore,
  describeHolderStore,
  describeAliasStore,
  describeFirmwareStores,
  describeBlobRecordStore,
  describeFloorStore,
  describeReleaseStore,
  describeAssignmentStore,
  describeUpdateBatches,
  describeUpdateStore,
  describeRolloutStore,
  describeRolloutDeletion,
  describeRolloutOffering,
  describeRolloutMemberStore,
  describeMemberSearch,
  describeRolloutTallyStore,
  describeRolloutTallyRaces,
  describeEventStore,
  describeDataFileStore,
  describeWebhookStores,
  describeLeaseStore,
  describeNodeStore,
]

interface StorageUnderContract {
  readonly name: string
  /** Why it cannot be opened here. */
  readonly skip?: string
  /** An empty one each time. */
  open(): Promise<Storage>
}

const postgres = await sharedPostgres()
const folder = await temporaryFolder()
afterAll(() => folder.remove())

/** Copying a database is much faster than creating its schema again. */
let migrated: Promise<string> | undefined
async function migrate(url: string): Promise<string> {
  const storage = await openSqlStorage({ kind: 'postgres', url, migrate: true })
  await storage.close()
  return url
}

const STORAGES: readonly StorageUnderContract[] = [
  { name: 'memory', open: async () => openMemoryStorage() },
  {
    name: 'SQLite',
    open: () => openSqlStorage({ kind: 'sqlite', file: join(folder.path, `${randomUUID()}.db`) }),
  },
  {
    name: 'PostgreSQL',
    ...(postgres.kind === 'none' && { skip: postgres.skip }),
    async open() {
      if (postgres.kind === 'none') throw new Error(postgres.skip)
      migrated ??= migrate(await postgres.createDatabase())
      const url = await postgres.createDatabase(await migrated)
      return openSqlStorage({ kind: 'postgres', url, migrate: false })
    },
  },
]

for (const { name, skip, open } of STORAGES) {
  describe.skipIf(skip !== undefined)(skip === undefined ? name : `${name} (${skip})`, () => {
    for (const describeContract of CONTRACTS) describeContract(name, open)
  })
}
