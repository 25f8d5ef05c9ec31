import { describeAccessStores } from '../core/access/access-store.contract.ts'
import { describeAccountStores } from '../core/account/account-store.contract.ts'
import { describeAssignmentStore } from '../core/assignment/assignment-store.contract.ts'
import { describeDataFileStore } from '../core/data-file/data-file-store.contract.ts'
import { describeAliasStore } from '../core/device/alias-store.contract.ts'
import { describeCredentialStore } from '../core/device/credential-store.contract.ts'
import { describeDeviceStore } from '../core/device/device-store.contract.ts'
import { describeGroupStore } from '../core/device/group-store.contract.ts'
import { describeHolderStore } from '../core/device/holder-store.contract.ts'
import { describeRunningStore } from '../core/device/running-store.contract.ts'
import { describeEventStore } from '../core/event/event-store.contract.ts'
import { describeBlobRecordStore } from '../core/firmware/blob-record-store.contract.ts'
import { describeFirmwareStores } from '../core/firmware/firmware-store.contract.ts'
import { describeOrganisationStore } from '../core/organisation/organisation-store.contract.ts'
import type { Storage } from '../core/ports.ts'
import { describeProductStores } from '../core/product/product-store.contract.ts'
import { describeReleaseStore } from '../core/release/release-store.contract.ts'
import { describeStorage } from '../core/storage.contract.ts'
import { describeUpdateStore } from '../core/update/update-store.contract.ts'
import { openMemoryStorage } from './memory/memory-storage.ts'

const CONTRACTS = [
  describeStorage,
  describeOrganisationStore,
  describeAccountStores,
  describeAccessStores,
  describeProductStores,
  describeDeviceStore,
  describeGroupStore,
  describeCredentialStore,
  describeRunningStore,
  describeHolderStore,
  describeAliasStore,
  describeFirmwareStores,
  describeBlobRecordStore,
  describeReleaseStore,
  describeAssignmentStore,
  describeUpdateStore,
  describeEventStore,
  describeDataFileStore,
]

const STORAGES: ReadonlyArray<{ name: string; open: () => Promise<Storage> }> = [
  { name: 'memory', open: async () => openMemoryStorage() },
]

for (const { name, open } of STORAGES) {
  for (const describeContract of CONTRACTS) describeContract(name, open)
}
