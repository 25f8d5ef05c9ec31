import { type SelectQueryBuilder, sql } from 'kysely'
import type { Millis, Serial, Slice } from '../../../core/common.ts'
import type { RunningVersion } from '../../../core/device/device.ts'
import type { ReportingFilter, RunningStore } from '../../../core/device/device-store.ts'
import type { UpdateState } from '../../../core/update/update.ts'
import type { Schema } from '../schema.ts'
import type { Session } from '../session.ts'
import { sliced } from '../slice.ts'
import { statement } from '../statement.ts'
import { runningOf, toRunning } from './running-rows.ts'

const UPGRADING: readonly UpdateState[] = ['downloading', 'downloaded', 'installing']

const PUT = statement((db, device: Serial, module: Serial, version: string, reportedAt: Millis) =>
  db
    .insertInto('running_versions')
    .values({ device, module, version, previous_version: null, reported_at: reportedAt })
    .onConflict((on) =>
      on.columns(['device', 'module']).doUpdateSet((is) => ({
        previous_version: is
          .case()
          .when('running_versions.version', '=', is.ref('excluded.version'))
          .then(is.ref('running_versions.previous_version'))
          .else(is.ref('running_versions.version'))
          .end(),
        version: is.ref('excluded.version'),
        reported_at: is.ref('excluded.reported_at'),
      })),
    )
    .returningAll(),
)
const LIST_BY_DEVICE = statement((db, device: Serial) =>
  db.selectFrom('running_versions').selectAll().where('device', '=', device).orderBy('module'),
)
const IS_PREVIOUS = statement((db, module: Serial, version: string) =>
  db
    .selectFrom('running_versions')
    .select('device')
    .where('module', '=', module)
    .where('previous_version', '=', version)
    .limit(sql.lit(1)),
)
// Hops from one version to the next over the index (module, version), however many devices run each.
const VERSIONS_OF_PRODUCT = statement((db, product: Serial) =>
  db
    .withRecursive('found(module, version)', (cte) =>
      cte
        .selectFrom('modules')
        .select((is) => [
          'modules.serial as module',
          is
            .selectFrom('running_versions')
            .select((min) => min.fn.min('running_versions.version').as('version'))
            .whereRef('running_versions.module', '=', 'modules.serial')
            .as('version'),
        ])
        .where('modules.product', '=', product)
        .unionAll((next) =>
          next
            .selectFrom('found')
            .select((is) => [
              'found.module',
              is
                .selectFrom('running_versions')
                .select((min) => min.fn.min('running_versions.version').as('version'))
                .whereRef('running_versions.module', '=', 'found.module')
                .whereRef('running_versions.version', '>', 'found.version')
                .as('version'),
            ])
            .where('found.version', 'is not', null),
        ),
    )
    .selectFrom('found')
    .select('found.version')
    .distinct()
    .where('found.version', 'is not', null)
    .orderBy('found.version'),
)

export class SqlRunningStore implements RunningStore {
  readonly #session: Session

  constructor(session: Session) {
    this.#session = session
  }

  async put({ device, module, version, reportedAt }: Omit<RunningVersion, 'previousVersion'>): Promise<RunningVersion> {
    const [row] = await this.#session.all(PUT(this.#session, device, module, version, reportedAt))
    this.#session.changes.device(device)
    return row ? toRunning(row) : { device, module, version, previousVersion: null, reportedAt }
  }

  async listByDevice(device: Serial): Promise<RunningVersion[]> {
    return (await this.#session.all(LIST_BY_DEVICE(this.#session, device))).map(toRunning)
  }

  listByDevices(devices: readonly Serial[]): Promise<RunningVersion[]> {
    return runningOf(this.#session, devices)
  }

  async isPrevious(module: Serial, version: string): Promise<boolean> {
    return (await this.#session.first(IS_PREVIOUS(this.#session, module, version))) !== undefined
  }

  async versionsOfProduct(product: Serial): Promise<string[]> {
    const rows = await this.#session.all(VERSIONS_OF_PRODUCT(this.#session, product))
    return rows.flatMap(({ version }) => (version === null ? [] : [version]))
  }

  async listReporting(filter: ReportingFilter, slice: Slice): Promise<Serial[]> {
    if (filter.products?.length === 0 || filter.versions?.length === 0) return []
    const query = this.#session.compiler
      .selectFrom('devices')
      .innerJoin('modules', 'modules.product', 'devices.product')
      .innerJoin('running_versions', (join) =>
        join
          .onRef('running_versions.device', '=', 'devices.serial')
          .onRef('running_versions.module', '=', 'modules.serial'),
      )
      .select('devices.serial')
      .where('modules.is_primary', '=', sql.lit(true))
    const reporting = sliced(filtered(query, filter), 'devices.serial', slice)
    return (await this.#session.all(reporting.compile())).map(({ serial }) => serial)
  }
}

function filtered<O>(
  query: SelectQueryBuilder<Schema, 'devices' | 'modules' | 'running_versions', O>,
  { organisation, products, versions, isUpgrading }: ReportingFilter,
): SelectQueryBuilder<Schema, 'devices' | 'modules' | 'running_versions', O> {
  let found = query.where('devices.organisation', '=', organisation)
  if (products !== undefined) found = found.where('devices.product', 'in', [...products])
  if (versions !== undefined) found = found.where('running_versions.version', 'in', [...versions])
  if (isUpgrading === undefined) return found
  return found.where(({ exists, not, selectFrom }) => {
    const upgrading = exists(
      selectFrom('updates')
        .select('updates.serial')
        .whereRef('updates.device', '=', 'devices.serial')
        .where('updates.is_open', '=', sql.lit(true))
        .where('updates.state', 'in', [...UPGRADING]),
    )
    return isUpgrading ? upgrading : not(upgrading)
  })
}
