import type { Serial } from '../../core/common.ts'
import type { MemoryTables } from './memory-tables.ts'

/** The foreign keys of the database: what a row names must be there. What deletes do about it, the stores know. */
export function relateMemoryTables(t: MemoryTables): void {
  // What is left of a deleted one may still change, until it is gone as well.
  const rollouts = { get: (serial: Serial) => t.rollouts.get(serial) ?? t.buriedRollouts.find('rollout', serial) }
  t.memberships.refersTo(t.accounts, ({ row }) => row.account).refersTo(t.organisations, ({ row }) => row.organisation)
  t.apiTokens.refersTo(t.accounts, (row) => row.account).refersTo(t.organisations, (row) => row.organisation)
  t.accessKeys.refersTo(t.organisations, (row) => row.organisation)
  t.accessTokens.refersTo(t.accessKeys, ({ row }) => row.accessKey)
  t.idempotency.refersTo(t.accounts, ({ row }) => row.account)
  t.products.refersTo(t.organisations, (row) => row.organisation)
  t.modules.refersTo(t.organisations, (row) => row.organisation).refersTo(t.products, (row) => row.product)
  t.groups.refersTo(t.organisations, (row) => row.organisation)
  t.devices
    .refersTo(t.organisations, (row) => row.organisation)
    .refersTo(t.products, (row) => row.product)
    .refersTo(t.groups, (row) => row.group)
  t.credentials
    .refersTo(t.organisations, (row) => row.organisation)
    .refersTo(t.devices, (row) => row.device)
    .refersTo(t.groups, (row) => row.group)
  t.running.refersTo(t.devices, ({ row }) => row.device).refersTo(t.modules, ({ row }) => row.module)
  t.firmware
    .refersTo(t.organisations, (row) => row.organisation)
    .refersTo(t.products, (row) => row.product)
    .refersTo(t.modules, (row) => row.module)
  t.floors
    .refersTo(t.organisations, (row) => row.organisation)
    .refersTo(t.products, (row) => row.product)
    .refersTo(t.modules, (row) => row.module)
    .refersTo(t.firmware, (row) => row.firmware)
  t.artifacts.refersTo(t.organisations, (row) => row.organisation).refersTo(t.firmware, (row) => row.firmware)
  t.releases.refersTo(t.organisations, (row) => row.organisation).refersTo(t.products, (row) => row.product)
  t.assignments
    .refersTo(t.organisations, (row) => row.organisation)
    .refersTo(t.devices, (row) => row.device)
    .refersTo(t.groups, (row) => row.group)
    .refersTo(t.releases, (row) => row.release)
  t.updates
    .refersTo(t.organisations, (row) => row.organisation)
    .refersTo(t.devices, (row) => row.device)
    .refersTo(t.releases, (row) => row.release)
    .refersTo(rollouts, (row) => row.rollout)
  t.rollouts
    .refersTo(t.organisations, (row) => row.organisation)
    .refersTo(t.products, (row) => row.product)
    .refersTo(t.releases, (row) => row.release)
    .refersTo(t.rollouts, (row) => row.undoes)
  t.rolloutMembers.refersTo(rollouts, (row) => row.rollout).refersTo(t.devices, (row) => row.device)
  t.rolloutNames.refersTo(t.rollouts, ({ row }) => row.rollout)
  t.rolloutTallies.refersTo(t.rollouts, ({ row }) => row.rollout)
  t.rolloutApprovals.refersTo(t.rollouts, ({ row }) => row.rollout)
  t.dataFiles.refersTo(t.organisations, (row) => row.organisation).refersTo(t.modules, (row) => row.module)
  t.webhooks.refersTo(t.organisations, (row) => row.organisation)
  t.webhookProgress.refersTo(t.webhooks, ({ row }) => row.webhook)
  t.deadLetters.refersTo(t.organisations, (row) => row.organisation).refersTo(t.webhooks, (row) => row.webhook)
}
