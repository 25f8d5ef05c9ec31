import { describe, expect, test, vi } from 'vitest'
import { SpokeZoneDevice, type SpokeZoneDeviceOptions } from '../../../src/simulator/devices/spoke-zone-device.ts'
import { SpokeZoneV1Device } from '../../../src/simulator/devices/spoke-zone-v1-device.ts'
import { DAY, DEVICE, type Fixture, onEveryStorage } from './fixture.ts'

onEveryStorage((useFixture) => {
  describe('a virtual device', () => {
    const fixture = useFixture()

    test('of v2 takes the highest version, resumes a broken download and is delivered once', async () => {
      await fixture().addFirmware({ product: 7, module: 11, serial: 75000, version: '1.4.0' }, Buffer.alloc(300_000, 7))
      const device = new SpokeZoneDevice({ ...optionsOf(fixture()), cutAt: 100_000 })
      expect(await device.run()).toMatchObject({ kind: 'updated', version: '1.4.0', size: 300_000, downloads: 2 })
      await vi.waitFor(async () => expect((await fixture().latestUpdate(501))?.state).toBe('delivered'))
      expect(await device.run()).toMatchObject({ kind: 'up-to-date', downloads: 0 })
    })

    test('of v1 does the same without a filter', async () => {
      const device = new SpokeZoneV1Device({ ...optionsOf(fixture()), module: 'can-controller1', version: '0.8.0' })
      expect(await device.run()).toMatchObject({ kind: 'updated', version: '0.9.0', size: 20 })
    })

    test('with a token that lapsed long ago renews it and goes on', async () => {
      const options = optionsOf(fixture())
      fixture().clock.advance(60 * DAY)
      const device = new SpokeZoneDevice({ ...options, version: '1.4.0' })
      expect(await device.run()).toMatchObject({ kind: 'up-to-date' })
      expect(device.logins).toBe(1)
    })
  })
})

/** The device's clock is the server's. */
function optionsOf(fixture: Fixture): SpokeZoneDeviceOptions {
  const sleep = async (ms: number) => fixture.clock.advance(ms)
  return {
    url: fixture.server.url,
    version: '1.2.0',
    module: 'display-app',
    credentials: { token: fixture.token, cpuId: DEVICE.cpu_id, uuid: DEVICE.uuid },
    clock: { now: () => fixture.clock.now(), sleep },
  }
}
