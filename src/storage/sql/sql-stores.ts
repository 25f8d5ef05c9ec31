import type { Stores } from '../../core/ports.ts'
import type { Session } from './session.ts'
import { SqlAccessKeyStore } from './stores/sql-access-key-store.ts'
import { SqlAccessTokenStore } from './stores/sql-access-token-store.ts'
import { SqlAccountStore } from './stores/sql-account-store.ts'
import { SqlAliasStore } from './stores/sql-alias-store.ts'
import { SqlApiTokenStore } from './stores/sql-api-token-store.ts'
import { SqlArtifactStore } from './stores/sql-artifact-store.ts'
import { SqlAssignmentStore } from './stores/sql-assignment-store.ts'
import { SqlBlobRecordStore } from './stores/sql-blob-record-store.ts'
import { SqlCredentialStore } from './stores/sql-credential-store.ts'
import { SqlDataFileStore } from './stores/sql-data-file-store.ts'
import { SqlDeadLetterStore } from './stores/sql-dead-letter-store.ts'
import { SqlDeviceStore } from './stores/sql-device-store.ts'
import { SqlEventStore } from './stores/sql-event-store.ts'
import { SqlFirmwareStore } from './stores/sql-firmware-store.ts'
import { SqlFloorStore } from './stores/sql-floor-store.ts'
import { SqlGroupStore } from './stores/sql-group-store.ts'
import { SqlHolderStore } from './stores/sql-holder-store.ts'
import { SqlIdempotencyStore } from './stores/sql-idempotency-store.ts'
import { SqlLeaseStore } from './stores/sql-lease-store.ts'
import { SqlMembershipStore } from './stores/sql-membership-store.ts'
import { SqlModuleStore } from './stores/sql-module-store.ts'
import { SqlNodeStore } from './stores/sql-node-store.ts'
import { SqlOnceStore } from './stores/sql-once-store.ts'
import { SqlOrganisationStore } from './stores/sql-organisation-store.ts'
import { SqlProductStore } from './stores/sql-product-store.ts'
import { SqlReleaseStore } from './stores/sql-release-store.ts'
import { SqlRolloutMemberStore } from './stores/sql-rollout-member-store.ts'
import { SqlRolloutStore } from './stores/sql-rollout-store.ts'
import { SqlRolloutTallyStore } from './stores/sql-rollout-tally-store.ts'
import { SqlRunningStore } from './stores/sql-running-store.ts'
import { SqlSettingStore } from './stores/sql-setting-store.ts'
import { SqlTallyStore } from './stores/sql-tally-store.ts'
import { SqlUpdateStore } from './stores/sql-update-store.ts'
import { SqlWebhookStore } from './stores/sql-webhook-store.ts'

/** Every store over one session. */
export function createSqlStores(session: Session): Stores {
  return {
    organisations: new SqlOrganisationStore(session),
    accounts: new SqlAccountStore(session),
    memberships: new SqlMembershipStore(session),
    apiTokens: new SqlApiTokenStore(session),
    accessKeys: new SqlAccessKeyStore(session),
    accessTokens: new SqlAccessTokenStore(session),
    once: new SqlOnceStore(session),
    idempotency: new SqlIdempotencyStore(session),
    products: new SqlProductStore(session),
    modules: new SqlModuleStore(session),
    devices: new SqlDeviceStore(session),
    groups: new SqlGroupStore(session),
    credentials: new SqlCredentialStore(session),
    holders: new SqlHolderStore(session),
    running: new SqlRunningStore(session),
    aliases: new SqlAliasStore(session),
    firmware: new SqlFirmwareStore(session),
    floors: new SqlFloorStore(session),
    artifacts: new SqlArtifactStore(session),
    blobRecords: new SqlBlobRecordStore(session),
    releases: new SqlReleaseStore(session),
    assignments: new SqlAssignmentStore(session),
    updates: new SqlUpdateStore(session),
    rollouts: new SqlRolloutStore(session),
    rolloutMembers: new SqlRolloutMemberStore(session),
    rolloutTallies: new SqlRolloutTallyStore(session),
    events: new SqlEventStore(session),
    dataFiles: new SqlDataFileStore(session),
    settings: new SqlSettingStore(session),
    tallies: new SqlTallyStore(session),
    webhooks: new SqlWebhookStore(session),
    deadLetters: new SqlDeadLetterStore(session),
    leases: new SqlLeaseStore(session),
    nodes: new SqlNodeStore(session),
  }
}
