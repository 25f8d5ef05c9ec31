import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { NativeDevice, type NativeDeviceOptions } from '../../../src/simulator/devices/native-device.ts'
import { onEveryStorage, sha256, tokenOf } from './fixture.ts'

onEveryStorage((useFixture) => {
  describe('a virtual device', () => {
    const fixture = useFixture()
    const device = (more: Partial<NativeDeviceOptions> = {}) =>
      new NativeDevice({ url: fixture().server.url, version: '1.0.0', token: tokenOf('truck-1'), ...more })

    test('resumes a broken download, installs, and proves what it runs', async () => {
      const image = randomBytes(300_000)
      await fixture().addFirmware('main', '3.0.0', image)
      await fixture().assign('3.0.0')
      const one = device({ cutAt: 100_000 })
      expect(await one.run()).toMatchObject({ kind: 'updated', version: '3.0.0', sha256: sha256(image), downloads: 2 })
      expect(await fixture().latest()).toMatchObject({ state: 'succeeded' })
      expect(await one.run()).toMatchObject({ kind: 'up-to-date', downloads: 0 })
      expect(await one.run()).toMatchObject({ kind: 'nothing', detail: 'nothing changed' })
    })

    test('goes back, and is offered the same again after a pause', async () => {
      await fixture().assign('1.1.0')
      const options = { version: '3.0.0' }
      expect(await device({ ...options, rollsBack: true }).run()).toMatchObject({ kind: 'failed', code: 'rolled-back' })
      expect(await fixture().latest()).toMatchObject({ state: 'rolled-back', reason: 'the self-test failed' })
      expect(await device(options).run()).toMatchObject({ kind: 'nothing', detail: 'retry-later' })
      fixture().clock.advance(60_000)
      expect(await device(options).run()).toMatchObject({ kind: 'updated', version: '1.1.0' })
      expect(await fixture().latest()).toMatchObject({ state: 'succeeded', attempt: 2 })
    })

    test('is spared while it says so', async () => {
      await fixture().assign('1.2.0')
      const options = { version: '1.1.0' }
      expect(await device({ ...options, battery: 3 }).run()).toMatchObject({ kind: 'nothing', detail: 'held-back' })
      expect(await device({ ...options, metered: true }).run()).toMatchObject({ kind: 'nothing' })
      expect(await device(options).run()).toMatchObject({ kind: 'updated' })
    })

    test('says so when it cannot have the file', async () => {
      const { artifact } = await fixture().addFirmware('main', '4.0.0', randomBytes(2000))
      await fixture().assign('4.0.0')
      await fixture().server.core.deps.blobs.delete(artifact.sha256)
      expect(await device({ version: '1.2.0' }).run()).toMatchObject({ kind: 'failed', code: 'refused' })
      expect(await fixture().latest()).toMatchObject({ state: 'failed', reason: 'download: status 500' })
    })

    test('with a wrong token does nothing', async () => {
      expect(await device({ token: 'wrong' }).run()).toMatchObject({ kind: 'failed', code: 401 })
    })
  })
})
