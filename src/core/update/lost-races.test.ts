import { expect, it } from 'vitest'
import { RolloutFleet } from '../../../test/support/rollout-fleet.ts'
import { openMemoryStorage } from '../../storage/memory/memory-storage.ts'
import type { AskOptions } from '../device-gateway.ts'
import { OtaError } from '../errors.ts'
import type { Storage } from '../ports.ts'

const SILENT: AskOptions = { via: 'iotaap', reporting: 'silent', isVerifiable: false }

/** Storage whose transactions all lose to others while `isBusy`. */
function contested() {
  const storage = openMemoryStorage()
  const state = { isBusy: false }
  const run = storage.transaction.bind(storage)
  const transaction: Storage['transaction'] = (work) =>
    state.isBusy ? Promise.reject(new OtaError('conflict', 'Somebody was faster.')) : run(work)
  return { state, storage: Object.assign(storage, { transaction }) }
}

it('a device whose calls all lose to others gets the file that is assigned, and none that a rollout did not grant', async () => {
  const { state, storage } = contested()
  const fleet = await RolloutFleet.open({ storage })
  await fleet.addDevices(2)
  await fleet.start()
  await fleet.core.assignments.assign(fleet.scope, { device: 'd1' }, { product: 'panel', version: '1.2.0' })
  state.isBusy = true
  const start = async (key: string) => fleet.core.gateway.startDownload(await fleet.facts(key), SILENT)
  expect(await start('d0')).toBeUndefined()
  expect((await start('d1'))?.file.firmware.version).toBe('1.2.0')
  state.isBusy = false
  expect((await start('d0'))?.update).toMatchObject({ state: 'downloading' })
  state.isBusy = true
  expect((await start('d0'))?.file.firmware.version).toBe('1.1.0')
})
