import { expect, it } from 'vitest'
import { START } from '../../../test/support/fixed-clock.ts'
import { createTestCore, newScope, pushFirmware } from '../../../test/support/test-core.ts'
import { jwtSigner } from './jwt-signer.ts'
import { steadyClock } from './steady-clock.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** A server whose device has been installing for 90 minutes; it is given up after two hours without news. */
async function installing() {
  let [wall, monotonic] = [START, 5]
  const clock = steadyClock({ wall: () => wall, monotonic: () => monotonic, believeAfterMs: 10 * MINUTE })
  const pass = (ms: number) => {
    wall += ms
    monotonic += ms
    clock.now()
  }
  pass(2 * MINUTE)
  const core = createTestCore({ clock })
  const scope = await newScope(core)
  const { product } = await core.products.create(scope, { key: 'panel' })
  await pushFirmware(core, scope, 'panel', '2')
  const { serial } = await core.devices.create(scope, { key: 'd', product: product.serial })
  await core.assignments.assign(scope, { device: 'd' }, { product: 'panel', version: '2' })
  const facts = async () => {
    const found = await core.gateway.find({ by: 'serial', serial })
    if (!found) throw new Error('the device is gone')
    return found
  }
  await core.gateway.grant(await facts(), { via: 'native', reporting: 'progress' })
  await core.gateway.report(await facts(), 'native', { trigger: 'install', progress: 10 })
  pass(90 * MINUTE)
  return {
    core,
    pass,
    signer: jwtSigner(core.deps.secrets, clock),
    step: (ms: number) => {
      wall += ms
    },
    state: async () => (await core.deps.storage.read.updates.findLatest(serial))?.state,
    expired: () => core.updates.expire(),
    report: async (progress: number) => core.gateway.report(await facts(), 'native', { trigger: 'install', progress }),
  }
}

it('a clock that is an hour ahead for some minutes ends no update and no token', async () => {
  const server = await installing()
  const token = await server.signer.sign('x', {}, 1_800)
  server.step(HOUR)
  for (let minute = 0; minute < 9; minute += 1) {
    expect(await server.expired()).toBe(0)
    expect((await server.signer.verify('x', token)).kind).toBe('valid')
    server.pass(MINUTE)
  }
  server.step(-HOUR)
  expect(await server.expired()).toBe(0)
  expect(await server.state()).toBe('installing')
  expect(await server.report(50)).toBe(true)
})

it('a clock that stays an hour ahead is believed: what had no news by then ends, what has news goes on', async () => {
  const server = await installing()
  server.step(HOUR)
  expect(await server.expired()).toBe(0)
  server.pass(9 * MINUTE)
  expect(await server.expired()).toBe(0)
  expect(await server.report(50)).toBe(true)
  server.pass(2 * MINUTE)
  // The report came at a time that was an hour behind; the two hours that it gained are one and some.
  expect(await server.expired()).toBe(0)
  server.pass(HOUR)
  expect(await server.expired()).toBe(1)
  expect(await server.state()).toBe('failed')
})

it('a clock that is set back for good ends updates an hour later and loses none', async () => {
  const server = await installing()
  const token = await server.signer.sign('x', {}, 600)
  server.step(-HOUR)
  server.core.deps.clock.now()
  server.pass(11 * MINUTE)
  expect((await server.signer.verify('x', token)).kind).toBe('valid')
  server.pass(HOUR)
  expect((await server.signer.verify('x', token)).kind).toBe('expired')
  expect(await server.expired()).toBe(0)
  server.pass(20 * MINUTE)
  expect(await server.expired()).toBe(1)
})
