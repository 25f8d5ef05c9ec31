import { describe, expect, it } from 'vitest'
import { json, rawHttpServer, reply } from '../../test/support/raw-http-server.ts'
import type { DeviceEvent, Outcome, VirtualDevice } from './device.ts'
import { MemoryFlash } from './flash.ts'
import { createDevice, type DeviceSpec, runFleet } from './fleet.ts'
import { esp32Image } from './images/esp32-image.ts'

/** Waits for `release`, so that the test sees how many are under way. */
function waitingDevices(count: number): { devices: VirtualDevice[]; running: () => number; release: () => void } {
  const waiting: (() => void)[] = []
  const devices = Array.from(
    { length: count },
    (_, index): VirtualDevice => ({
      name: `d${index}`,
      protocol: 'iotaap',
      version: '1',
      flash: new MemoryFlash(),
      run: () =>
        new Promise<Outcome>((resolve) => {
          waiting.push(() => resolve({ kind: 'nothing', detail: '', version: '1', downloads: index }))
        }),
    }),
  )
  return { devices, running: () => waiting.length, release: () => waiting.shift()?.() }
}

describe('runFleet', () => {
  it('has no more devices under way than it may, and keeps their order', async () => {
    const { devices, running, release } = waitingDevices(5)
    const finished: string[] = []
    const fleet = runFleet(devices, { concurrency: 2, onOutcome: ({ device }) => finished.push(device.name) })
    for (let done = 0; done < 5; done += 1) {
      await expect.poll(running).toBe(Math.min(2, 5 - done))
      release()
      await expect.poll(() => finished.length).toBe(done + 1)
    }
    const { results, summary } = await fleet
    expect(results.map(({ device }) => device.name)).toEqual(['d0', 'd1', 'd2', 'd3', 'd4'])
    expect(summary).toMatchObject({ devices: 5, nothing: 5, updated: 0, failed: 0, downloads: 10, bytes: 0 })
  })

  it('starts nothing after an abort', async () => {
    const { devices, running, release } = waitingDevices(3)
    const abort = new AbortController()
    const fleet = runFleet(devices, { concurrency: 1, signal: abort.signal })
    await expect.poll(running).toBe(1)
    abort.abort()
    release()
    expect((await fleet).results).toHaveLength(1)
  })

  it('runs devices of every protocol made from plain objects', async () => {
    const image = esp32Image({ version: '2.0.0' })
    const host = await rawHttpServer(({ path }) => {
      if (path.includes('/latest/'))
        return { bytes: reply('200 OK', ['Connection: close'], '{"ver":"2.0.0"}'), end: true }
      if (path.includes('/download/')) return { bytes: reply('200 OK', ['Connection: close'], image), end: true }
      if (path.startsWith('/auth/')) return { bytes: json('401 Unauthorized', { code: 401, message: 'no', data: {} }) }
      return { bytes: json('200 OK', []) }
    })
    const events: DeviceEvent[] = []
    const common = { url: host.url, version: '1.0.0', onEvent: (event: DeviceEvent) => events.push(event) }
    const id = '5e1b57808711f904f5df4bad'
    const specs: DeviceSpec[] = [
      { protocol: 'iotaap', ...common, name: 'one', device: { id, token: 'FSXuSmJRiJ4v' } },
      { protocol: 'iotaap-esp8266', ...common, name: 'two', device: { id, token: 'FSXuSmJRiJ4v' } },
      { protocol: 'spoke-zone', ...common, name: 'three', module: 'm', credentials: { token: 't' } },
      { protocol: 'spoke-zone-v1', ...common, name: 'four', module: 'm', credentials: { token: 't' } },
      { protocol: 'enos', ...common, name: 'five', device: { productKey: 'p', deviceKey: 'd', secret: 's' } },
      { protocol: 'native', ...common, name: 'six', token: 't' },
    ]
    const { results, summary } = await runFleet(specs.map(createDevice))
    expect(results.map(({ device, outcome }) => [device.name, device.protocol, outcome.kind])).toEqual([
      ['one', 'iotaap', 'updated'],
      ['two', 'iotaap-esp8266', 'updated'],
      ['three', 'spoke-zone', 'nothing'],
      ['four', 'spoke-zone-v1', 'nothing'],
      ['five', 'enos', 'failed'],
      ['six', 'native', 'failed'],
    ])
    expect(summary).toMatchObject({
      devices: 6,
      updated: 2,
      nothing: 2,
      failed: 2,
      bytes: 2 * image.length,
      downloads: 2,
    })
    expect(new Set(events.map(({ device }) => device)).size).toBe(6)
  })

  it('answers for an empty fleet', async () => {
    expect((await runFleet([])).summary).toMatchObject({ devices: 0 })
  })
})
