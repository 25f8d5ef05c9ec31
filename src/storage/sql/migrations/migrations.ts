import type { SqlDialect } from '../dialects/dialect.ts'
import { initial } from './0001-initial.ts'
import { webhooks } from './0002-webhooks.ts'
import { rollouts } from './0003-rollouts.ts'
import { guards } from './0004-guards.ts'
import { updateDeadlines } from './0005-update-deadlines.ts'
import { rolloutEnds } from './0006-rollout-ends.ts'
import { changes } from './0007-changes.ts'
import { deviceSearch } from './0008-device-search.ts'
import { leases } from './0009-leases.ts'
import type { SchemaMigration } from './schema-migration.ts'

/** Every migration by name, which is also the order. Written once; the dialect's capabilities make the difference. */
export function migrationsFor(dialect: SqlDialect): Record<string, SchemaMigration> {
  return {
    '0001-initial': initial(dialect),
    '0002-webhooks': webhooks(dialect),
    '0003-rollouts': rollouts(dialect),
    '0004-guards': guards(dialect),
    '0005-update-deadlines': updateDeadlines(dialect),
    '0006-rollout-ends': rolloutEnds(dialect),
    '0007-changes': changes(dialect),
    '0008-device-search': deviceSearch(dialect),
    '0009-leases': leases(dialect),
  }
}
