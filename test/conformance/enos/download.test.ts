import { createHash } from 'node:crypto'
import { beforeEach, describe, expect, it } from 'vitest'
import type { FirmwareFile } from '../../../src/core/firmware/firmware.ts'
import { fillEgress } from '../../support/full-egress.ts'
import { rawRequest } from '../../support/raw-client.ts'
import { STORAGES } from '../../support/storages.ts'
import { DeviceClient } from './device-client.ts'
import { type Enos, sharedEnos, someBytes, startEnos } from './fixture.ts'

const BYTES = someBytes(300_000)

describe.each(STORAGES)('device downloads on $name', ({ open }) => {
  const next = sharedEnos(open)
  let enos: Enos
  let device: DeviceClient
  let file: FirmwareFile
  let uri: string
  beforeEach(async () => {
    enos = await next()
    await enos.newDevice('dk1')
    device = new DeviceClient(enos.server.url, 'dk1')
    file = await enos.newFirmware('2.0', { bytes: BYTES })
    uri = `enos-connect://${file.firmware.fileAlias}`
    await enos.assign('dk1', file)
    await device.authenticate()
  })

  it('row 45: authentication with a doubled slash, and with a wrong sign', async () => {
    expect((await device.authenticate({}, '//auth')).status).toBe(200)
    expect((await device.authenticate({ sign: '0'.repeat(64) }, '//auth')).status).toBe(401)
  })

  it('row 45: a file that is offered but not yet told', async () => {
    expect((await device.download(uri)).status).toBe(404)
  })

  it('row 45: the file of a live task, whole, published and upgrading', async () => {
    await device.inform('1.0')
    for (const step of [undefined, '10', '90']) {
      if (step !== undefined) await device.progress(step)
      const reply = await device.download(uri)
      expect(reply.status).toBe(200)
      expect(reply.headers.get('content-length')).toBe('300000')
      expect(reply.headers.get('accept-ranges')).toBe('bytes')
      expect(reply.headers.get('content-type')).toBe('application/octet-stream')
      expect(reply.headers.get('transfer-encoding')).toBeNull()
      expect(Buffer.from(await reply.arrayBuffer()).equals(BYTES)).toBe(true)
    }
    // [enos 4] only reports move a task
    expect(await enos.update('dk1')).toMatchObject({ state: 'installing', progress: 90 })
    await device.inform('2.0')
    expect((await device.download(uri)).status).toBe(404)
  })

  it.each([
    ['bytes=0-99', 0, 99],
    ['bytes=299900-', 299_900, 299_999],
    ['bytes=-100', 299_900, 299_999],
    ['bytes=100-999999999', 100, 299_999],
  ])('row 45: %s', async (range, start, end) => {
    await device.inform('1.0')
    const reply = await device.download(uri, { headers: { range } })
    expect(reply.status).toBe(206)
    expect(reply.headers.get('content-range')).toBe(`bytes ${start}-${end}/300000`)
    expect(reply.headers.get('content-length')).toBe(String(end - start + 1))
    expect(reply.headers.get('accept-ranges')).toBe('bytes')
    expect(Buffer.from(await reply.arrayBuffer()).equals(BYTES.subarray(start, end + 1))).toBe(true)
  })

  it('where no download can be begun now: 503, to come again', async () => {
    await device.inform('1.0')
    const giveBack = fillEgress(enos.server)
    const reply = await device.download(uri)
    expect([reply.status, Number(reply.headers.get('retry-after')) >= 30]).toEqual([503, true])
    expect(await reply.json()).toEqual({ code: 503, message: 'Too many requests', data: {} })
    giveBack()
    expect((await device.download(uri)).status).toBe(200)
  })

  it('row 45: a range past the end', async () => {
    await device.inform('1.0')
    const reply = await device.download(uri, { headers: { range: 'bytes=300000-' } })
    expect(reply.status).toBe(416)
    expect(reply.headers.get('content-range')).toBe('bytes */300000')
  })

  it("row 45: another device's file, a file that is not its task's, none", async () => {
    await device.inform('1.0')
    await enos.newDevice('dk2')
    const other = await enos.newFirmware('3.0')
    await enos.assign('dk2', other)
    const second = new DeviceClient(enos.server.url, 'dk2')
    await second.authenticate()
    await second.inform('1.0')
    for (const wrong of [
      `enos-connect://${other.firmware.fileAlias}`,
      file.firmware.fileAlias,
      `http://${file.firmware.fileAlias}`,
      'enos-connect://',
      'enos-connect://x.bin',
      '',
    ])
      for (const what of ['download', 'download/url']) {
        const reply = await device.download(wrong, { what })
        expect(reply.status).toBe(404)
        expect(await reply.json()).toEqual({ code: 404, message: 'not found', data: {} })
      }
    expect((await second.download(uri)).status).toBe(404)
    expect((await second.download(`enos-connect://${other.firmware.fileAlias}`)).status).toBe(200)
  })

  it('takes the identifier with its double slash as it stands on the wire, and encoded', async () => {
    await device.inform('1.0')
    const path = `//multipart${device.topicPrefix}//file/download?sessionId=${device.sessionId}&category=ota`
    const port = Number(new URL(enos.server.url).port)
    for (const value of [uri, encodeURIComponent(uri)]) {
      const reply = await rawRequest(port, [`GET ${path}&fileUri=${value} HTTP/1.1`, 'Host: x', 'Connection: close'])
      expect(reply.status).toBe(200)
      expect(reply.body.equals(BYTES)).toBe(true)
    }
  })

  it('hands out a signed address that needs no session, for 15 minutes', async () => {
    await device.inform('1.0')
    const reply = await device.download(uri, { what: 'download/url' })
    expect(reply.status).toBe(200)
    const body = (await reply.json()) as { code: number; data: string }
    expect(body).toEqual({ code: 200, data: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/multipart\/signed\//) })
    const whole = await fetch(body.data)
    expect(whole.status).toBe(200)
    const digest = createHash('sha256')
      .update(Buffer.from(await whole.arrayBuffer()))
      .digest('hex')
    expect(digest).toBe(file.artifact.sha256)
    const part = await fetch(body.data, { headers: { range: 'bytes=0-9' } })
    expect(part.status).toBe(206)
    await part.arrayBuffer()

    for (const forged of [body.data.replace('/signed/', '/signed/x'), body.data.replace(/[^/]+$/, 'other.bin')])
      expect((await fetch(forged)).status).toBe(404)
    enos.server.clock.advance(899_000)
    expect((await fetch(body.data, { method: 'HEAD' })).status).toBe(200)
    enos.server.clock.advance(1_000)
    expect((await fetch(body.data)).status).toBe(404)
    enos.server.app.log.info(`GET ${body.data}`)
    expect(enos.server.log()).not.toContain(body.data.split('/').at(-2))
  })

  it('ends a signed address with its task', async () => {
    await device.inform('1.0')
    const reply = await device.download(uri, { what: 'download/url' })
    const { data } = (await reply.json()) as { data: string }
    await device.progress('-2')
    expect((await fetch(data)).status).toBe(404)
  })

  it('knows no file/delete', async () => {
    await device.inform('1.0')
    expect((await device.download(uri, { what: 'delete' })).status).toBe(404)
    expect(
      (await device.post(`/multipart${device.topicPrefix}/file/delete?sessionId=${device.sessionId}`, '{}')).status,
    ).toBe(404)
  })

  it('tells products without a downloader the signed address, REST never', async () => {
    await using configured = await startEnos({ config: { pushFileUrlByProduct: { pk1: 'http' } } })
    await configured.newDevice('dk1')
    device = new DeviceClient(configured.server.url, 'dk1')
    const again = await configured.newFirmware('2.0', { bytes: BYTES })
    await configured.assign('dk1', again)
    await device.authenticate()
    const pushed = (await device.inform('1.0')).command?.payload.params.fileUrl
    const [pulled] = await device.getversion()
    for (const address of [pushed, pulled?.fileUrl]) {
      expect(address).toMatch(/^http:\/\//)
      expect((await fetch(address)).status).toBe(200)
    }
    const info = await configured.program.action('get', { firmwareId: again.firmware.id })
    expect(info.json.data.fileUrl).toBe(`enos-connect://${again.firmware.fileAlias}`)
  })
})
