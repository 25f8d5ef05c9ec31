import type { AccessKey } from '../../../src/core/access/access-key.ts'
import type { CredentialInput } from '../../../src/core/device/credential-service.ts'
import type { Device } from '../../../src/core/device/device.ts'
import { SYSTEM } from '../../../src/core/event/event.ts'
import type { FirmwareFile } from '../../../src/core/firmware/firmware.ts'
import type { Storage } from '../../../src/core/ports.ts'
import type { Scope } from '../../../src/core/service.ts'
import { enosProtocol } from '../../../src/protocols/enos/protocol.ts'
import { iotaapProtocol } from '../../../src/protocols/iotaap/protocol.ts'
import { nativeProtocol } from '../../../src/protocols/native/protocol.ts'
import { issueDeviceToken } from '../../../src/protocols/spoke-zone/device-token.ts'
import { spokeZoneProtocol } from '../../../src/protocols/spoke-zone/protocol.ts'
import { pushFirmware } from '../../support/test-core.ts'
import { startTestServer, type TestServer } from '../../support/test-server.ts'
import { encryption, signedHeaders } from '../isolation/enos-signing.ts'

export const PROTOCOLS = ['native', 'spoke-zone', 'iotaap', 'enos'] as const
export type ProtocolName = (typeof PROTOCOLS)[number]

/** One poll of a protocol, in the forms that it may have on the wire. */
export interface Poll {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

export interface Form {
  /** `HEAD` in place of GET. */
  readonly method?: string
  readonly version?: '1.0' | '1.1'
  /** Beside or in place of the poll's own; '' = none. */
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Through a doubled slash, which no short way knows: the answer that the usual way gives. */
  readonly isLong?: boolean
}

const TOKEN = 'token-of-the-device-that-asks-natively-1'
const SECRET = 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee'

/** A product with firmware 1.0.0 and 1.1.0, and one device or program of each protocol that polls. */
export class PollFleet {
  readonly server: TestServer
  readonly scope: Scope
  readonly polls: Readonly<Record<ProtocolName, Poll>>
  readonly accessKey: AccessKey
  readonly firmware: FirmwareFile

  private constructor(given: Pick<PollFleet, 'server' | 'scope' | 'polls' | 'accessKey' | 'firmware'>) {
    this.server = given.server
    this.scope = given.scope
    this.polls = given.polls
    this.accessKey = given.accessKey
    this.firmware = given.firmware
  }

  static async open(
    options: { readonly storage?: Storage; readonly native?: Readonly<Record<string, unknown>> } = {},
  ): Promise<PollFleet> {
    const server = await startTestServer({
      protocols: (host) => [
        nativeProtocol(host, options.native),
        spokeZoneProtocol(host),
        iotaapProtocol(host),
        enosProtocol(host),
      ],
      ...(options.storage && { storage: options.storage }),
      listen: true,
    })
    const { core } = server
    const organisation = await core.organisations.create(SYSTEM, { key: 'acme', aliases: { 'enos/org-id': 'org1' } })
    const scope = { actor: SYSTEM, organisation: organisation.serial }
    const { product } = await core.products.create(scope, { key: 'panel' })
    const firmware = await pushFirmware(core, scope, 'panel', '1.0.0')
    await pushFirmware(core, scope, 'panel', '1.1.0')
    const add = (key: string, credential: CredentialInput) =>
      core.devices.create(scope, { key, product: product.serial, credentials: [credential] })
    await add('native', { scheme: 'native', secret: TOKEN })
    const iotaap = await add('iotaap', { scheme: 'iotaap', secret: 'FSXuSmJRiJ4v' })
    await core.assignments.assign(scope, { device: 'iotaap' }, { product: 'panel', version: '1.0.0' })
    const spokeZone = await add('spoke-zone', { scheme: 'spoke-zone', details: { cpuId: 'c-1', uuid: 'u-1' } })
    const { accessKey } = await core.accessKeys.create(scope, { secret: SECRET, permissions: ['read'] })
    const polls = {
      native: {
        method: 'POST',
        path: '/device/v1/check',
        headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
        body: '{"running":{"main":"1.0.0"},"attributes":{"site":"graz"}}',
      },
      'spoke-zone': {
        method: 'GET',
        path: '/api/v2/ota-files?module=main&isActive=1',
        headers: { 'x-access-token': await spokeZoneToken(server, spokeZone) },
      },
      iotaap: { method: 'GET', path: `/v1/ota/device/latest/${iotaap.id}`, headers: {} },
      enos: await enosPoll(server, accessKey, firmware),
    } as const
    return new PollFleet({ server, scope, polls, accessKey, firmware })
  }

  get port(): number {
    return Number(new URL(this.server.url).port)
  }

  device(key: ProtocolName): Promise<Device> {
    return this.server.core.devices.get(this.scope.organisation, key)
  }

  /** How many answers of a protocol took the short way so far. */
  async short(protocol: ProtocolName): Promise<number> {
    return this.metric(`godwit_http_short_answers_total{protocol="${protocol}"}`)
  }

  /** The value of a series; 0 where there is none. */
  async metric(series: string): Promise<number> {
    const text = await (await fetch(`${this.server.url}/metrics`)).text()
    const line = text.split('\n').find((one) => one.startsWith(`${series} `))
    return Number(line?.slice(series.length + 1) ?? 0)
  }
}

/** The bytes of a poll, each a character. */
export function requestOf(poll: Poll, form: Form = {}): string {
  const body = form.body ?? poll.body
  const headers = {
    host: 'godwit',
    ...poll.headers,
    ...(body !== undefined && { 'content-length': String(body.length) }),
    ...form.headers,
  }
  const lines = Object.entries(headers).flatMap(([name, value]) => (value === '' ? [] : [`${name}: ${value}\r\n`]))
  const target = form.isLong ? `/${poll.path}` : poll.path
  return `${form.method ?? poll.method} ${target} HTTP/${form.version ?? '1.1'}\r\n${lines.join('')}\r\n${body ?? ''}`
}

/** An answer without what is new in each: EnOS numbers them. */
export function comparable(answer: string): string {
  return answer.replace(/"requestId":"[0-9a-f-]{36}"/, '"requestId":"-"')
}

async function spokeZoneToken(server: TestServer, { serial }: Device): Promise<string> {
  const facts = await server.core.gateway.find({ by: 'serial', serial })
  if (!facts) throw new Error('no device')
  return issueDeviceToken(server.host, facts)
}

async function enosPoll(server: TestServer, { key }: AccessKey, { firmware }: FirmwareFile): Promise<Poll> {
  const timestamp = server.clock.now()
  const reply = await fetch(`${server.url}/apim-token-service/v2.0/token/get`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ appKey: key, encryption: encryption(key, timestamp, SECRET), timestamp }),
  })
  const { data } = (await reply.json()) as { data: { accessToken: string } }
  const query = { action: 'get', orgId: 'org1', firmwareId: firmware.id }
  return {
    method: 'GET',
    path: `/connect-service/v2.1/ota-firmwares?${new URLSearchParams(query)}`,
    headers: signedHeaders({ token: data.accessToken, secret: SECRET, query, timestamp }),
  }
}
