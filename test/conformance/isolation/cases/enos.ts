import { type Attempt, type Case, type Cases, form, json, type Parties, type Reply } from '../case.ts'
import { encryption, signedDevice, signedHeaders } from '../enos-signing.ts'
import type { Tenant } from '../tenant.ts'

interface Business {
  readonly path?: string
  readonly query?: (of: Tenant) => Readonly<Record<string, string>>
  readonly body?: (of: Tenant) => object
  readonly form?: (of: Tenant) => Pick<Attempt, 'headers' | 'body'>
}

/** A signed call; `org` is the organisation that it names. */
function business(action: string, what: Business = {}): Case {
  return {
    succeeded: (reply) => codeOf(reply) === 0,
    organisationsAreKnown: 'an unknown organisation and a foreign one are told apart [enos 3.1]',
    request: (parties) => {
      const { target, who, org, timestamp } = parties
      const query = { action, orgId: orgIdOf(org), ...what.query?.(target) }
      const content = what.form?.(target) ?? (what.body ? json(what.body(target)) : {})
      const signed = signedHeaders({
        token: who.accessToken,
        secret: who.secrets.accessSecret,
        query,
        ...(typeof content.body === 'string' && { body: content.body }),
        timestamp,
      })
      const path = `${what.path ?? '/connect-service/v2.1/ota-firmwares'}?${new URLSearchParams(query)}`
      return { path, ...content, headers: { ...content.headers, ...signed } }
    },
  }
}

const orgIdOf = (of: Tenant) => `${of.mark}-org-id`

function codeOf({ text }: Reply): unknown {
  const body: unknown = text === '' ? {} : JSON.parse(text)
  return typeof body === 'object' && body !== null && 'code' in body ? body.code : undefined
}

const JOBS = '/connect-service/v2.1/ota-jobs'

function job(action: string, of: (tenant: Tenant) => string, body?: Business['body']): Case {
  return business(action, { path: JOBS, query: (tenant) => ({ jobId: of(tenant) }), ...(body && { body }) })
}

const draft = ({ jobs }: Tenant) => jobs.draft
const deviceKeys = ({ devices }: Tenant) => ({ deviceKeys: [devices.jobbed.key] })

/** The header that counts is `status` here. */
function tokenService(what: 'get' | 'refresh'): Case {
  return {
    succeeded: (reply) => reply.text.startsWith('{"status":0,'),
    request: ({ target, who, timestamp }) => ({
      path: `/apim-token-service/v2.0/token/${what}`,
      ...json({
        appKey: target.secrets.accessKey,
        timestamp,
        encryption: encryption(target.secrets.accessKey, timestamp, who.secrets.accessSecret),
        accessToken: target.accessToken,
      }),
    }),
  }
}

/** A publish of a device: the path of one, the session of the other. */
function topic(name: string, params: (of: Tenant) => object): Case {
  return {
    request: (parties) => ({
      path: `/topic${deviceName(parties)}/ota/device/${name}?sessionId=${parties.who.session}`,
      ...json({ id: '1', version: '1.0', method: `ota.device.${name}`, params: params(parties.target) }),
    }),
  }
}

const deviceName = ({ target }: Parties) => `/sys/${target.mark}-product-key/${target.mark}-device-key`
const fileUri = (of: Tenant) => `enos-connect://${of.pinned.fileAlias}`

function download(suffix: string): Case {
  return {
    request: (parties) => ({
      path: `/multipart${deviceName(parties)}/file/download${suffix}?sessionId=${parties.who.session}&fileUri=${fileUri(parties.target)}&category=ota`,
    }),
  }
}

/** The EnOS protocol. */
export const ENOS_CASES: Cases = {
  'POST /apim-token-service/v2.0/token/get': tokenService('get'),
  'POST /apim-token-service/v2.0/token/refresh': tokenService('refresh'),
  'POST /apim-token-service/v2.0/token/refresh#foreign-token': {
    ...tokenService('refresh'),
    request: ({ target, who, timestamp }) => ({
      path: '/apim-token-service/v2.0/token/refresh',
      ...json({
        appKey: who.secrets.accessKey,
        timestamp,
        encryption: encryption(who.secrets.accessKey, timestamp, who.secrets.accessSecret),
        accessToken: target.accessToken,
      }),
    }),
  },
  'GET /connect-service/v2.1/ota-firmwares': business('get', {
    query: (of) => ({ firmwareId: of.firmware.firmware.id }),
  }),
  'POST /connect-service/v2.1/ota-firmwares#get': business('get', {
    query: (of) => ({ firmwareId: of.firmware.firmware.id }),
    body: () => ({}),
  }),
  'POST /connect-service/v2.1/ota-firmwares#search': business('search', {
    body: (of) => ({ expression: `productKey='${of.mark}-product-key'`, pagination: { pageNo: 1, pageSize: 50 } }),
  }),
  'POST /connect-service/v2.1/ota-firmwares#listVersion': business('listVersion', {
    query: (of) => ({ productKey: `${of.mark}-product-key` }),
  }),
  'POST /connect-service/v2.1/ota-firmwares#searchDeviceUpgrade': business('searchDeviceUpgrade', {
    body: (of) => ({ expression: `productKey='${of.mark}-product-key'` }),
  }),
  'POST /connect-service/v2.1/ota-firmwares#create': business('create', {
    query: (of) => ({ productKey: `${of.mark}-product-key` }),
    form: (of) =>
      form([
        {
          name: 'metadata',
          value: JSON.stringify({
            name: { defaultValue: `${of.mark} created` },
            version: '8.0.0',
            signMethod: 'md5',
            enableVerification: false,
          }),
        },
        { name: 'file', value: of.image('created'), fileName: 'image.bin' },
      ]),
  }),
  'POST /connect-service/v2.1/ota-firmwares#delete': business('delete', {
    query: (of) => ({ firmwareId: of.spareFirmware.firmware.id }),
  }),
  'GET /connect-service/v2.1/ota-jobs': job('get', draft),
  'POST /connect-service/v2.1/ota-jobs#get': job('get', draft, () => ({})),
  'POST /connect-service/v2.1/ota-jobs#search': business('search', {
    path: JOBS,
    body: (of) => ({ expression: `firmwareId='${of.firmware.firmware.id}'` }),
  }),
  'POST /connect-service/v2.1/ota-jobs#search-by-product': business('search', {
    path: JOBS,
    body: (of) => ({ expression: `productKey='${of.mark}-product-key'` }),
  }),
  'POST /connect-service/v2.1/ota-jobs#searchTask': business('searchTask', {
    path: JOBS,
    body: (of) => ({ expression: `jobId='${of.jobs.running}'` }),
  }),
  'POST /connect-service/v2.1/ota-jobs#searchTask-by-device': business('searchTask', {
    path: JOBS,
    body: (of) => ({ expression: `deviceKey='${of.devices.jobbed.key}'` }),
  }),
  'POST /connect-service/v2.1/ota-jobs#create': business('create', {
    path: JOBS,
    query: (of) => ({ firmwareId: of.firmware.firmware.id }),
    body: (of) => ({
      type: 'upgrade',
      upgradeScope: { type: 'partial', deviceKeys: [of.devices.jobbed.key], productKey: `${of.mark}-product-key` },
      upgradePolicy: 'snapshot',
      enableUpgradeRequest: true,
    }),
  }),
  'POST /connect-service/v2.1/ota-jobs#start': job('start', draft),
  'POST /connect-service/v2.1/ota-jobs#stop': job('stop', ({ jobs }) => jobs.running),
  'POST /connect-service/v2.1/ota-jobs#delete': job('delete', draft, () => ({})),
  'POST /connect-service/v2.1/ota-jobs#cancelTask': job('cancelTask', ({ jobs }) => jobs.running, deviceKeys),
  'POST /connect-service/v2.1/ota-jobs#retryTask': job('retryTask', ({ jobs }) => jobs.cancelled, deviceKeys),
  'GET /connect-service/v2.5/devices': {
    // It changes something, so GET is refused to everybody; its own organisation too.
    ...business('reportFirmwareVersion', { path: '/connect-service/v2.5/devices' }),
    succeeded: (reply) => reply.text.includes('must be sent by POST'),
  },
  'POST /connect-service/v2.5/devices#reportFirmwareVersion': business('reportFirmwareVersion', {
    path: '/connect-service/v2.5/devices',
    body: (of) => ({ assetId: `${of.mark}-asset-id`, version: '0.0.1' }),
  }),
  'POST /connect-service/v2.5/devices#by-keys': business('reportFirmwareVersion', {
    path: '/connect-service/v2.5/devices',
    body: (of) => ({ productKey: `${of.mark}-product-key`, deviceKey: `${of.mark}-device-key`, version: '0.0.1' }),
  }),
  'POST /connect-service/v2.5/devices#by-id': business('reportFirmwareVersion', {
    path: '/connect-service/v2.5/devices',
    body: (of) => ({ assetId: of.devices.plain.id, version: '0.0.1' }),
  }),
  'POST /auth/:productKey/:deviceKey': {
    // The names of one, proved with the secret of the other.
    request: ({ target, who }) => {
      const names = { productKey: `${target.mark}-product-key`, deviceKey: `${target.mark}-device-key` }
      return {
        path: `/auth/${names.productKey}/${names.deviceKey}`,
        ...json(signedDevice({ ...names, secret: who.secrets.enos })),
      }
    },
  },
  'POST /topic/sys/:productKey/:deviceKey/ota/device/inform': topic('inform', (of) => ({
    version: `${of.mark}-running`,
  })),
  'POST /topic/sys/:productKey/:deviceKey/ota/device/progress': topic('progress', () => ({ step: '50', desc: '' })),
  'POST /topic/sys/:productKey/:deviceKey/ota/device/getversion': topic('getversion', () => ({})),
  'POST /topic/sys/:productKey/:deviceKey/ota/device/upgrade_reply': topic('upgrade_reply', () => ({})),
  'GET /multipart/sys/:productKey/:deviceKey/file/download': download(''),
  'GET /multipart/sys/:productKey/:deviceKey/file/download/url': download('/url'),
  'GET /multipart/sys/:productKey/:deviceKey/file/download#own-path': {
    // One's own path and session, the file of the other.
    request: ({ target, who }) => ({
      path: `/multipart${deviceName({ target: who } as Parties)}/file/download?sessionId=${who.session}&fileUri=${fileUri(target)}`,
    }),
  },
  'GET /multipart/signed/:token/:name': {
    request: ({ target, who }) => ({ path: `/multipart/signed/${who.signedUrlToken}/${target.pinned.fileAlias}` }),
  },
}
