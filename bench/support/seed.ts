import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Core } from '../../src/core/create-core.ts'
import { SYSTEM } from '../../src/core/event/event.ts'
import type { Scope } from '../../src/core/service.ts'
import { loadConfig } from '../../src/server/config/load-config.ts'
import { openCore } from '../../src/server/start-server.ts'
import { esp32Image } from '../../src/simulator/images/esp32-image.ts'

/** A data directory with a fleet in it, and the devices that the scenarios ask for. */
export interface SeededFleet {
  readonly data: string
  readonly iotaap: { readonly id: string; readonly token: string }
  readonly display: { readonly key: string }
}

export const BENCH_PASSWORD = 'bench-password'
const BATCH = 1000

/** Makes an organisation with `devices` registered devices, two of which have something to fetch. */
export async function seedFleet(devices: number): Promise<SeededFleet> {
  const data = mkdtempSync(join(tmpdir(), 'godwit-measure-'))
  const { core, storage } = await openCore(loadConfig({ cwd: data, env: {}, flags: { data } }))
  const organisation = await core.organisations.create(SYSTEM, { key: 'acme' })
  const scope: Scope = { actor: SYSTEM, organisation: organisation.serial }
  const account = await core.accounts.create(SYSTEM, {
    email: 'owner@localhost',
    password: BENCH_PASSWORD,
    isAdministrator: true,
  })
  await core.accounts.setRole(scope, account.id, 'owner')
  const { product, modules } = await core.products.create(scope, { key: 'panel', modules: [{ key: 'display-app' }] })
  await registerDevices(core, scope, { count: devices, product: product.serial })
  for (const [version, size] of [
    ['1.0.0', 64 * 1024],
    ['1.1.0', 100 * 2 ** 20],
  ] as const) {
    const staged = await core.deps.blobs.stage(one(esp32Image({ version, size })), { maxBytes: 2 ** 31 })
    const input = {
      product: product.serial,
      module: modules[0]?.serial ?? null,
      version,
      active: true,
      fileName: 'f.bin',
    }
    await core.firmware.create(scope, input, staged)
  }
  const iotaap = { token: core.deps.ids.token(12) }
  const board = await core.devices.create(scope, {
    key: 'board',
    product: product.serial,
    credentials: [{ scheme: 'iotaap', secret: iotaap.token, recoverable: true }],
  })
  await core.assignments.assign(scope, { device: 'board' }, { product: 'panel', version: '1.1.0' })
  await core.devices.create(scope, {
    key: 'display',
    product: product.serial,
    credentials: [{ scheme: 'spoke-zone', details: { cpuId: 'c', uuid: 'u' } }],
  })
  await storage.close()
  return { data, iotaap: { id: board.id, token: iotaap.token }, display: { key: 'display' } }
}

async function registerDevices(core: Core, scope: Scope, what: { count: number; product: number }): Promise<void> {
  for (let done = 0; done < what.count; done += BATCH)
    await core.deps.storage.transaction(async (stores) => {
      const rows = Array.from({ length: Math.min(BATCH, what.count - done) }, (_, index) =>
        core.devices.row(scope.organisation, { key: `device-${done + index}`, product: what.product }),
      )
      const devices = await stores.devices.insertMany(rows)
      await stores.credentials.insertMany(
        devices.map((device) =>
          core.credentials.row(
            scope.organisation,
            { device: device.serial },
            { scheme: 'iotaap', secret: core.deps.ids.token(12), recoverable: true },
          ),
        ),
      )
    })
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
