import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createProtocols } from '../../../src/server/protocols.ts'
import { STORAGES } from '../../support/storages.ts'
import { startTestServer, type TestServer } from '../../support/test-server.ts'
import { signedHeaders } from '../isolation/enos-signing.ts'
import { makeTenant, type Tenant } from '../isolation/tenant.ts'
import { parseAnswers } from './raw-exchange.ts'
import { expectRefusal } from './victim.ts'

/** Text that one database keeps and another refuses. */
const TEXTS = {
  'a NUL': 'a\0b',
  'half a surrogate pair': 'a\ud800b',
  'control characters': '\x01\x1b[31m\x7f',
  'a text of 60,000 characters': 'x'.repeat(60_000),
  'right to left, and combining': '\u202e\u0301\u0301\ufeff',
  'beyond the basic plane': '\u{1f4a9}\u{10ffff}',
} as const

describe.each(STORAGES)('text on $name', ({ open }) => {
  let server: TestServer
  let tenant: Tenant
  let calls = 0
  beforeAll(async () => {
    server = await startTestServer({
      protocols: (host) => createProtocols(host, {}),
      storage: await open(),
      listen: true,
    })
    tenant = await makeTenant(server, 'bcdfgh', 7_000_000_000)
  })
  afterAll(() => server.close())

  /** Answered below 500 by everybody, and as itself where it was taken. */
  async function send(path: string, headers: Readonly<Record<string, string>>, body: object): Promise<string> {
    const reply = await fetch(server.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
    const answered = await reply.text()
    expect(reply.status, `${path}: ${answered}`).toBeLessThan(500)
    if (reply.status >= 400) {
      const head = `HTTP/1.1 ${reply.status} x\r\ncontent-length: ${Buffer.byteLength(answered)}\r\n\r\n`
      expectRefusal(parseAnswers(Buffer.from(head + answered)).answers[0], path)
    }
    return answered
  }

  describe.each(Object.entries(TEXTS))('%s', (_name, text) => {
    it('is no harm to the management API', async () => {
      const headers = { authorization: `Bearer ${tenant.bearer}` }
      const key = `k${calls++}`
      await send('/api/godwit/v1/devices', headers, { key, name: text, tags: { a: text } })
      await send('/api/godwit/v1/groups', headers, { key, name: text })
      await send('/api/godwit/v1/products', headers, { key, name: text, aliases: { 'enos/product-key': text } })
      await send('/api/godwit/v1/login', {}, { email: `${text}@x`, password: text })
      await send('/api/godwit/v1/access-keys', headers, { key: `${text}${calls}`, secret: text, name: text })
      await send('/api/godwit/v1/devices', headers, {
        key: `e${key}`,
        credentials: { enos: { assetId: text, secret: text } },
      })
      const rollout = { product: tenant.product.key, version: tenant.firmware.firmware.version }
      await send('/api/godwit/v1/rollouts', headers, { ...rollout, name: text })
      await send('/api/godwit/v1/rollouts', headers, {
        ...rollout,
        select: { tags: { site: text }, fromVersions: [text] },
      })
      await send('/api/godwit/v1/rollouts', headers, { ...rollout, select: { attributes: { [text]: 'x' } } })
      await send('/api/godwit/v1/rollouts', headers, { ...rollout, options: { timeOuts: { reason: text } } })
      await send(`/api/godwit/v1/rollouts/${tenant.rollouts.running.key}/exclude`, headers, {
        devices: [tenant.devices.plain.key],
        reason: text,
      })
      await send(`/api/godwit/v1/rollouts/${tenant.rollouts.running.key}/resume`, headers, { cohorts: [text] })
      await send(`/api/godwit/v1/rollouts/${tenant.rollouts.paused.key}/stop`, headers, { reason: text })
      await send(`/api/godwit/v1/rollouts/${tenant.rollouts.paused.key}/resume`, headers, {})
      const search = await fetch(
        `${server.url}/api/godwit/v1/devices?search=${encodeURIComponent(text.toWellFormed().slice(0, 150))}`,
        { headers },
      )
      expect([200, 400]).toContain(search.status)
    })

    it('is no harm to IoTaaP', async () => {
      const headers = { authorization: `Bearer ${tenant.iotaapJwt}` }
      await send('/v1/devices', headers, { name: text })
      await send('/v1/groups', headers, { name: text })
      await send('/v1/auth/login', {}, { email: text, password: text })
      await send('/v1/ota/device', headers, { device: text, token: text, version: text })
      const url = `${server.url}/v1/devices?search_value=${encodeURIComponent(text.toWellFormed().slice(0, 150))}`
      expect((await fetch(url, { headers })).status).toBe(200)
    })

    it('is no harm to Spoke.Zone', async () => {
      const headers = { 'x-access-token': tenant.zoneToken }
      await send('/login', {}, { username: text, password: text })
      await send('/loginDevice', {}, { token: text, cpu_id: text, uuid: text })
      await send('/loginDevice', {}, { token: tenant.zoneToken, cpu_id: text, uuid: text })
      await send('/api/v2/data-files', headers, { type: 'log', moduleKey: text })
    })

    it('is no harm to EnOS', async () => {
      const path = `${tenant.mark}-product-key/${tenant.mark}-device-key`
      const reports = `/topic/sys/${path}/ota/device`
      const session = `?sessionId=${tenant.session}`
      await send(`${reports}/inform${session}`, {}, { id: text, params: { version: text } })
      await send(`${reports}/progress${session}`, {}, { id: '1', params: { step: '5', desc: text } })
      await send(`${reports}/progress${session}`, {}, { id: '1', params: { step: text, desc: text } })
      await send(`${reports}/upgrade_reply${session}`, {}, { id: '1', code: text })
      await send(`/auth/${path}`, {}, { signMethod: 'sha256', lifetime: 1, sign: text })
      await send('/apim-token-service/v2.0/token/get', {}, { appKey: text, timestamp: text, encryption: text })
      const query = { action: 'reportFirmwareVersion', orgId: `${tenant.mark}-org-id` }
      for (const body of [
        { assetId: text, version: '1' },
        { productKey: text, deviceKey: text, version: '1' },
        { assetId: `${tenant.mark}-asset-id`, version: text.slice(0, 60) },
      ]) {
        calls += 1
        const timestamp = server.clock.now() + calls
        const { accessToken: token } = tenant
        const secret = tenant.secrets.accessSecret
        const signed = signedHeaders({ token, secret, query, body: JSON.stringify(body), timestamp })
        await send(`/connect-service/v2.5/devices?${new URLSearchParams(query)}`, signed, body)
      }
    })

    it('is no harm to jobs of EnOS', async () => {
      const call = async (action: string, more: Readonly<Record<string, string>>, body: object) => {
        calls += 1
        const query = { action, orgId: `${tenant.mark}-org-id`, ...more }
        const headers = signedHeaders({
          token: tenant.accessToken,
          secret: tenant.secrets.accessSecret,
          query,
          body: JSON.stringify(body),
          timestamp: server.clock.now() + calls,
        })
        return send(`/connect-service/v2.1/ota-jobs?${new URLSearchParams(query)}`, headers, body)
      }
      const job = { type: 'upgrade', upgradePolicy: 'incremental', enableUpgradeRequest: true }
      const deviceKeys = [tenant.devices.jobbed.key]
      for (const scope of [
        { deviceKeys: [text] },
        { assetIds: [text] },
        { deviceGroupIds: [text] },
        { deviceKeys, versionNumbers: [text] },
        { deviceKeys, productKey: text },
        { tags: { site: [text] } },
        { tags: { [text]: ['graz'] } },
        { attributes: { [text]: [text] } },
      ])
        await call(
          'create',
          { firmwareId: tenant.firmware.firmware.id },
          { ...job, upgradeScope: { type: 'partial', ...scope } },
        )
      for (const name of [{ defaultValue: text }, { defaultValue: 'x', i18nValue: { en_US: text, [text]: 'x' } }])
        await call(
          'create',
          { firmwareId: tenant.firmware.firmware.id },
          { ...job, name, upgradeScope: { type: 'partial', deviceKeys } },
        )
      await call('create', { firmwareId: text.slice(0, 60) }, job)
      await call('get', { jobId: text.slice(0, 60) }, {})
      for (const action of ['cancelTask', 'retryTask'])
        await call(action, { jobId: tenant.jobs.running }, { deviceKeys: [text] })
      const quoted = JSON.stringify(text.replaceAll(/["\\]/g, ''))
      for (const field of ['jobId', 'deviceKey', 'fromVersion', 'toVersion', 'status', 'desc'])
        await call('searchTask', {}, { expression: `${field} = ${quoted}` })
      for (const field of ['productKey', 'firmwareId', 'firmwareVersion', 'type', 'status'])
        await call('search', {}, { expression: `${field} = "${text}"` })
      for (const field of ['name', 'firmwareName.en_US'])
        await call('search', {}, { expression: `${field} like "${text}"` })
      // Nothing of it is in the way of those who come later.
      for (const action of ['search', 'searchTask']) {
        const found = await call(action, {}, { pagination: { pageSize: 200 } })
        expect(found.includes(tenant.jobs.running), action).toBe(true)
      }
    })

    it('is no harm to the native protocol', async () => {
      const headers = { authorization: `Bearer ${tenant.secrets.tracker}` }
      await send('/device/v1/check', headers, { attributes: { a: text } })
      await send('/device/v1/check', headers, { running: { [`${tenant.mark}-app`]: text } })
      await send('/device/v1/reports', headers, {
        reports: [{ id: `r${calls++}`, update: tenant.nativeUpdate.id, state: 'downloading', reason: text }],
      })
      await send('/device/v1/reports', headers, { reports: [{ id: text, update: text, state: text }] })
      await send('/device/v1/enrol', {}, { key: text, secret: text, device: text, token: text })
    })
  })

  it('never becomes a fault of the server', () => {
    expect(
      server
        .log()
        .split('\n')
        .filter((line) => /"level":[56]0/.test(line)),
    ).toEqual([])
  })
})
