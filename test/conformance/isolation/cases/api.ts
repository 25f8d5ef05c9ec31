import type { Attempt, Case, Cases, Parties } from '../case.ts'
import { form, json } from '../case.ts'
import { PASSWORD, type Tenant } from '../tenant.ts'

const BASE = '/api/godwit/v1'

type Content = Pick<Attempt, 'headers' | 'body'>

/** A call with a bearer token that names an organisation. The Idempotency-Key is the target's, whoever calls. */
export function call(path: (of: Tenant) => string, content: (of: Tenant) => Content = () => ({})): Case {
  return {
    request: (parties) => {
      const { headers, body } = content(parties.target)
      return {
        path: BASE + path(parties.target),
        headers: { ...authorised(parties), 'godwit-organisation': parties.org.organisation.key, ...headers },
        ...(body !== undefined && { body }),
      }
    },
  }
}

/** As `call`, naming the organisation in the query, by id. */
export function callByQuery(path: (of: Tenant) => string, content: (of: Tenant) => Content = () => ({})): Case {
  return {
    request: (parties) => {
      const { headers, body } = content(parties.target)
      const target = path(parties.target)
      const query = `${target.includes('?') ? '&' : '?'}organisation=${parties.org.organisation.id}`
      return {
        path: BASE + target + query,
        headers: { ...authorised(parties), ...headers },
        ...(body !== undefined && { body }),
      }
    },
  }
}

function filterOf(text: string): string {
  return encodeURIComponent(text)
}

function authorised({ bearer, target }: Parties): Record<string, string> {
  return { authorization: `Bearer ${bearer}`, 'idempotency-key': `${target.mark}-idempotency-key` }
}

/** A call of the account's own, which names no organisation. */
function own(path: (of: Tenant) => string, content: (of: Tenant) => Content = () => ({})): Case {
  return {
    request: (parties) => {
      const { headers, body } = content(parties.target)
      const { authorization = '' } = authorised(parties)
      return {
        path: BASE + path(parties.target),
        headers: { authorization, ...headers },
        ...(body !== undefined && { body }),
      }
    },
  }
}

function administrators(one: Case): Case {
  return { ...one, isAdministrators: true }
}

/** The cursor behind the first row of `one`, as a list of one would hand it out. */
export const after = (serial: number, order = 'asc') =>
  `limit=1&cursor=${Buffer.from(`${order}:${serial - 1}`).toString('base64url')}`

const devices = (key: keyof Tenant['devices']) => (of: Tenant) => `/devices/${of.devices[key].key}`
const plain = devices('plain')
const product = (of: Tenant) => `/products/${of.product.key}`
const module = (of: Tenant, key: string) => `${product(of)}/modules/${of.mark}-${key}`
const group = (of: Tenant) => `/groups/${of.group.key}`
const member = (of: Tenant) => `/accounts/${of.member.id}`
const accessKey = (of: Tenant) => `/access-keys/${of.accessKey.id}`

const SESSIONS: Cases = {
  'POST /logout': own(() => '/logout'),
  'GET /me': own(() => '/me'),
  'PUT /me/password': own(
    () => '/me/password',
    () => json({ current: PASSWORD, password: 'another-long-password' }),
  ),
  'GET /tokens': own(() => '/tokens'),
  'POST /tokens': own(
    () => '/tokens',
    (of) => json({ name: `${of.mark}-made`, scope: 'write', organisation: of.organisation.key }),
  ),
  'DELETE /tokens/:token': own((of) => `/tokens/${of.spareToken}`),
}

/** A fleet file that describes one organisation, or changes it. */
const fleetFile = (of: Tenant) => `organisations:
  - key: ${of.organisation.key}
    name: ${of.mark} renamed
    products:
      - { key: ${of.product.key}, name: ${of.mark} product, enos: { productKey: ${of.mark}-product-key } }
`

const FLEET_FILE: Cases = {
  'POST /blobs': own(
    () => '/blobs',
    (of) => ({ headers: { 'content-type': 'application/octet-stream' }, body: of.image('blob') }),
  ),
  'POST /apply': own(
    () => '/apply',
    (of) => json({ text: fleetFile(of) }),
  ),
  'POST /apply#dry-run': own(
    () => '/apply?dryRun=true&prune=true',
    (of) => json({ text: fleetFile(of) }),
  ),
}

const ORGANISATIONS: Cases = {
  'GET /organisations': own(() => '/organisations'),
  'POST /organisations': administrators(
    own(
      () => '/organisations',
      (of) => json({ key: `${of.mark}-new-organisation` }),
    ),
  ),
  'GET /organisations/:organisation': own((of) => `/organisations/${of.organisation.key}`),
  'GET /organisations/:organisation#id': own((of) => `/organisations/${of.organisation.id}`),
  'PATCH /organisations/:organisation': own(
    (of) => `/organisations/${of.organisation.key}`,
    (of) => json({ name: `${of.mark} renamed`, defaultProduct: of.product.key }),
  ),
  'POST /organisations/:organisation/freeze': own((of) => `/organisations/${of.organisation.id}/freeze`),
  'POST /organisations/:organisation/thaw': own((of) => `/organisations/${of.organisation.id}/thaw`),
  'GET /server': administrators(own(() => '/server')),
  'POST /server/freeze': administrators(own(() => '/server/freeze')),
  'POST /server/thaw': administrators(own(() => '/server/thaw')),
  'GET /server/accounts': administrators(own(() => '/server/accounts')),
  'POST /server/accounts': administrators(
    own(
      () => '/server/accounts',
      (of) => json({ email: `server-made@${of.mark}.example`, password: PASSWORD }),
    ),
  ),
  'GET /server/events': administrators(own(() => '/server/events')),
}

const ADDRESSES = 'an e-mail address is unique on the server: a taken one is told'

const PEOPLE: Cases = {
  'GET /accounts': call(() => '/accounts'),
  'GET /accounts#cursor': callByQuery((of) => `/accounts?${after(of.owner.serial)}`),
  'POST /accounts': {
    mayTellExistence: ADDRESSES,
    request: (parties) => {
      const address = `made@${parties.target.mark}.${parties.who.mark}.${parties.org.mark}.example`
      return call(
        () => '/accounts',
        () => json({ email: address, password: PASSWORD, role: 'viewer' }),
      ).request(parties)
    },
  },
  'POST /accounts#existing': {
    ...call(
      () => '/accounts',
      (of) => json({ email: of.member.email, role: 'viewer' }),
    ),
    mayTellExistence: ADDRESSES,
  },
  'GET /accounts/:account': call(member),
  'GET /accounts/:account#address': call((of) => `/accounts/${of.member.email}`),
  'DELETE /accounts/:account': call(member),
  'PUT /accounts/:account/role': call(
    (of) => `${member(of)}/role`,
    () => json({ role: 'owner' }),
  ),
  'PUT /accounts/:account/password': call(
    (of) => `${member(of)}/password`,
    () => json({ password: 'stolen-long-password' }),
  ),
  'POST /accounts/:account/unlock': call((of) => `${member(of)}/unlock`),
  'GET /access-keys': call(() => '/access-keys'),
  'GET /access-keys#cursor': callByQuery((of) => `/access-keys?${after(of.accessKey.serial)}`),
  'POST /access-keys': call(
    () => '/access-keys',
    (of) => json({ name: `${of.mark}-made` }),
  ),
  'GET /access-keys/:accessKey': call(accessKey),
  'GET /access-keys/:accessKey#key': call((of) => `/access-keys/${of.accessKey.key}`),
  'PATCH /access-keys/:accessKey': call(accessKey, () => json({ disabled: true })),
  'DELETE /access-keys/:accessKey': call(accessKey),
  'PUT /access-keys/:accessKey/grants/:organisation': administrators({
    request: ({ bearer, target, org }) => ({
      path: `${BASE}/access-keys/${target.accessKey.key}/grants/${org.organisation.key}`,
      headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
      body: JSON.stringify({ permissions: ['read'] }),
    }),
  }),
  'POST /access-keys/:accessKey/proof': call((of) => `${accessKey(of)}/proof`),
}

const CATALOGUE: Cases = {
  'GET /products': call(() => '/products'),
  'GET /products#cursor': callByQuery((of) => `/products?${after(of.product.serial)}`),
  'POST /products': call(
    () => '/products',
    (of) => json({ key: `${of.mark}-new`, modules: [{ key: 'main' }] }),
  ),
  'GET /products/:product': call(product),
  'GET /products/:product#id': callByQuery((of) => `/products/${of.product.id}`),
  'PATCH /products/:product': call(product, (of) => json({ name: `${of.mark} renamed` })),
  'DELETE /products/:product': call((of) => `/products/${of.mark}-spare-product`),
  'GET /products/:product/modules': call((of) => `${product(of)}/modules`),
  'POST /products/:product/modules': call(
    (of) => `${product(of)}/modules`,
    (of) => json({ key: `${of.mark}-new` }),
  ),
  'GET /products/:product/modules/:module': call((of) => module(of, 'app')),
  'PATCH /products/:product/modules/:module': call(
    (of) => module(of, 'app'),
    () => json({ name: 'renamed' }),
  ),
  'DELETE /products/:product/modules/:module': call((of) => module(of, 'spare-module')),
  'GET /firmware': call(() => '/firmware'),
  'GET /firmware#filters': call((of) => `/firmware?product=${of.product.key}&module=${of.mark}-app&search=${of.mark}`),
  'GET /firmware#search': call((of) => `/firmware?search=${of.mark}`),
  'GET /firmware#cursor': callByQuery((of) => `/firmware?order=asc&${after(of.firmware.firmware.serial)}`),
  'POST /firmware': call(
    (of) => `/firmware?product=${of.product.key}&version=9.0.0`,
    (of) => ({ headers: { 'content-type': 'application/octet-stream' }, body: of.image('uploaded') }),
  ),
  'POST /firmware#form': call(
    () => '/firmware',
    (of) =>
      form([
        { name: 'product', value: of.product.id },
        { name: 'version', value: '9.0.0' },
        { name: 'file', value: of.image('uploaded'), fileName: 'image.bin' },
      ]),
  ),
  'GET /firmware/:firmware': call((of) => `/firmware/${of.firmware.firmware.id}`),
  'PATCH /firmware/:firmware': call(
    (of) => `/firmware/${of.firmware.firmware.id}`,
    () => json({ withdrawn: true, tags: { seen: 'yes' } }),
  ),
  'DELETE /firmware/:firmware': call((of) => `/firmware/${of.spareFirmware.firmware.id}`),
  'GET /firmware/:firmware/file': call((of) => `/firmware/${of.firmware.firmware.id}/file`),
  'GET /firmware/:firmware/file#range': {
    request: (parties) => {
      const attempt = call((of) => `/firmware/${of.firmware.firmware.id}/file`).request(parties)
      return {
        ...attempt,
        headers: {
          ...attempt.headers,
          range: 'bytes=0-99',
          'if-range': `"${parties.target.firmware.artifact.sha256}"`,
        },
      }
    },
  },
  'GET /products/:product/floors': call((of) => `${product(of)}/floors`),
  'GET /products/:product/floors#cursor': callByQuery((of) => `${product(of)}/floors?${after(of.floor.serial)}`),
  'POST /products/:product/floors': call(
    (of) => `${product(of)}/floors`,
    (of) => json({ version: of.firmware.firmware.version, reason: `${of.mark}-reason` }),
  ),
  'POST /products/:product/floors#own-product': {
    request: (parties) =>
      call(
        () => `${product(parties.who)}/floors`,
        (of) => json({ firmware: of.firmware.firmware.id, reason: `${of.mark}-reason` }),
      ).request(parties),
  },
  'GET /floors/:floor': call((of) => `/floors/${of.floor.id}`),
  'PATCH /floors/:floor': call(
    (of) => `/floors/${of.floor.id}`,
    (of) => json({ reason: `${of.mark}-other-reason` }),
  ),
  'DELETE /floors/:floor': call((of) => `/floors/${of.floor.id}`),
  'GET /releases': call((of) => `/releases?product=${of.product.key}`),
  'GET /releases#cursor': callByQuery((of) => `/releases?${after(of.release.serial)}`),
  'POST /releases': call(
    () => '/releases',
    (of) =>
      json({ product: of.product.key, version: '7', firmware: { [`${of.mark}-app`]: of.firmware.firmware.version } }),
  ),
  'GET /releases/:release': call((of) => `/releases/${of.release.id}`),
  'DELETE /releases/:release': call((of) => `/releases/${of.spareRelease.id}`),
}

const LINE = (of: Tenant) =>
  JSON.stringify({ key: `${of.mark}-imported`, product: of.product.key, group: of.group.key })

const FLEET: Cases = {
  'GET /groups': call((of) => `/groups?search=${of.mark}`),
  'GET /groups#cursor': callByQuery((of) => `/groups?${after(of.group.serial)}`),
  'POST /groups': call(
    () => '/groups',
    (of) => json({ key: `${of.mark}-new` }),
  ),
  'GET /groups/:group': call(group),
  'PATCH /groups/:group': call(group, () => json({ name: 'renamed' })),
  'DELETE /groups/:group': call(group),
  'GET /groups/:group/members': call((of) => `${group(of)}/members`),
  'POST /groups/:group/members': call(
    (of) => `${group(of)}/members`,
    (of) => json({ add: [of.devices.plain.key], remove: [of.devices.member.id] }),
  ),
  'GET /groups/:group/credentials': call((of) => `${group(of)}/credentials`),
  'PUT /groups/:group/credentials/iotaap': call(
    (of) => `${group(of)}/credentials/iotaap`,
    () => json({ overlapSeconds: 0 }),
  ),
  'DELETE /groups/:group/credentials/iotaap': call((of) => `${group(of)}/credentials/iotaap`),
  'GET /groups/:group/assignment': call((of) => `${group(of)}/assignment`),
  'PUT /groups/:group/assignment': call(
    (of) => `${group(of)}/assignment`,
    (of) => json({ release: of.release.id }),
  ),
  'GET /devices': call((of) => `/devices?product=${of.product.key}&group=${of.group.key}`),
  'GET /devices#search': call((of) => `/devices?search=${of.mark}`),
  'GET /devices#filter': call(
    (of) => `/devices?filter=${filterOf(`product = "${of.product.key}" or group = "${of.group.key}"`)}`,
  ),
  'GET /devices#filter-of-values': call(
    (of) => `/devices?filter=${filterOf(`tag.site = "${of.mark}-site" or version.${of.mark}-app exists`)}`,
  ),
  'GET /devices#filter-of-none': callByQuery(() => `/devices?filter=${filterOf('not (false or key = "nobody")')}`),
  'GET /devices#cursor': callByQuery((of) => `/devices?${after(of.devices.plain.serial)}`),
  'POST /devices': call(
    () => '/devices',
    (of) => json({ key: `${of.mark}-new`, product: of.product.key, group: of.group.id, credentials: { iotaap: {} } }),
  ),
  'GET /devices/export': call((of) => `/devices/export?search=${of.mark}`),
  'GET /devices/export#filter': call((of) => `/devices/export?filter=${filterOf(`id = "${of.devices.plain.id}"`)}`),
  'GET /devices/export#csv': callByQuery(() => '/devices/export?format=csv'),
  'POST /devices/import': call(
    () => '/devices/import',
    (of) => ({ headers: { 'content-type': 'application/x-ndjson' }, body: `${LINE(of)}\n` }),
  ),
  'POST /devices/import#csv': call(
    () => '/devices/import?onExisting=update',
    (of) => ({
      headers: { 'content-type': 'text/csv' },
      body: `key,product\n${of.devices.plain.key},${of.product.key}\n`,
    }),
  ),
  'GET /devices/:device': call(plain),
  'GET /devices/:device#id': callByQuery((of) => `/devices/${of.devices.plain.id}`),
  'PATCH /devices/:device': call(plain, (of) => json({ name: 'renamed', group: of.group.key, tags: { seen: 'yes' } })),
  'DELETE /devices/:device': call(plain),
  'GET /devices/:device/credentials': call((of) => `${plain(of)}/credentials`),
  ...Object.fromEntries(
    Object.entries({
      native: {},
      iotaap: {},
      'spoke-zone': { cpuId: 'new-cpu', uuid: 'new-uuid' },
      enos: {},
      hawkbit: {},
    }).map(([scheme, body]) => [
      `PUT /devices/:device/credentials/${scheme}`,
      call(
        (of) => `${plain(of)}/credentials/${scheme}`,
        () => json(body),
      ),
    ]),
  ),
  'DELETE /devices/:device/credentials/:scheme': call((of) => `${plain(of)}/credentials/enos`),
  'POST /devices/:device/credentials/:scheme/revoke': call((of) => `${plain(of)}/credentials/spoke-zone/revoke`),
  'GET /devices/:device/credentials/:scheme/secret': call((of) => `${plain(of)}/credentials/enos/secret`),
  'GET /devices/:device/explain': call((of) => `${devices('enos')(of)}/explain`),
  'POST /devices/:device/token': call((of) => `${devices('zone')(of)}/token?protocol=spoke-zone`),
  'GET /devices/:device/assignment': call((of) => `${devices('enos')(of)}/assignment`),
  'PUT /devices/:device/assignment': call(
    (of) => `${plain(of)}/assignment`,
    (of) => json({ firmware: of.firmware.firmware.id }),
  ),
}

const UPDATES: Cases = {
  'GET /assignments': call((of) => `/assignments?device=${of.devices.enos.key}&release=${of.release.id}`),
  'GET /assignments#cursor': callByQuery((of) => `/assignments?${after(of.assignment.serial)}`),
  'POST /assignments': call(
    () => '/assignments',
    (of) => json({ device: of.devices.plain.key, product: of.product.key, version: of.firmware.firmware.version }),
  ),
  'POST /assignments#dry-run': call(
    () => '/assignments?dryRun=true',
    (of) => json({ group: of.group.id, release: `${of.mark}-release`, product: of.product.id }),
  ),
  'GET /assignments/:assignment': call((of) => `/assignments/${of.assignment.id}`),
  'DELETE /assignments/:assignment': call((of) => `/assignments/${of.assignment.id}`),
  'GET /updates': call((of) => `/updates?device=${of.devices.enos.key}&release=${of.release.id}`),
  'GET /updates#cursor': callByQuery((of) => `/updates?${after(of.update.serial + 2, 'desc')}`),
  'GET /updates/:update': call((of) => `/updates/${of.update.id}`),
  'POST /updates/:update/cancel': call((of) => `/updates/${of.update.id}/cancel`),
  'GET /events': call((of) => `/events?subjectId=${of.devices.plain.id}`),
  'GET /events#cursor': callByQuery(
    () => `/events?order=asc&limit=100&cursor=${Buffer.from('asc:0').toString('base64url')}`,
  ),
  'GET /events/:event': call((of) => `/events/${of.event}`),
  'GET /events/stream': call(() => '/events/stream?follow=false&after=0'),
  'GET /events/stream#behind-one': callByQuery((of) => `/events/stream?follow=false&type=device&after=${of.event}`),
  'GET /data-files': call((of) => `/data-files?device=${of.devices.zone.key}`),
  'GET /data-files#cursor': callByQuery((of) => `/data-files?${after(of.dataFile.serial + 2, 'desc')}`),
  'GET /data-files/:dataFile': call((of) => `/data-files/${of.dataFile.id}`),
  'DELETE /data-files/:dataFile': call((of) => `/data-files/${of.dataFile.id}`),
  'GET /data-files/:dataFile/content': call((of) => `/data-files/${of.dataFile.id}/content`),
}

const webhook = (of: Tenant) => `/webhooks/${of.webhook}`

const WEBHOOKS: Cases = {
  'GET /webhooks': call(() => '/webhooks'),
  'GET /webhooks#cursor': callByQuery(() => `/webhooks?limit=1&cursor=${Buffer.from('asc:0').toString('base64url')}`),
  'POST /webhooks': call(
    () => '/webhooks',
    (of) => json({ url: `https://hooks.example.test/${of.mark}-new` }),
  ),
  'GET /webhooks/:webhook': call(webhook),
  'PATCH /webhooks/:webhook': call(webhook, (of) => json({ name: `${of.mark} renamed`, active: false })),
  'DELETE /webhooks/:webhook': call(webhook),
  'POST /webhooks/:webhook/secret': call(
    (of) => `${webhook(of)}/secret`,
    () => json({ overlapSeconds: 0 }),
  ),
  'POST /webhooks/:webhook/test': call((of) => `${webhook(of)}/test`),
  'GET /webhooks/:webhook/dead-letters': call((of) => `${webhook(of)}/dead-letters`),
  'POST /webhooks/:webhook/dead-letters/replay': call((of) => `${webhook(of)}/dead-letters/replay`),
  'POST /webhooks/:webhook/dead-letters/:letter/replay': call(
    (of) => `${webhook(of)}/dead-letters/${of.letter}/replay`,
  ),
  'POST /webhooks/:webhook/dead-letters/:letter/replay#own-webhook': {
    request: (parties) => call((of) => `${webhook(parties.who)}/dead-letters/${of.letter}/replay`).request(parties),
  },
}

/** The management API. */
/** Names of cases with the whole address. */
export function belowBase(cases: Cases): Cases {
  return Object.fromEntries(Object.entries(cases).map(([name, one]) => [name.replace(' ', ` ${BASE}`), one]))
}

export const API_CASES: Cases = belowBase({
  ...SESSIONS,
  ...FLEET_FILE,
  ...ORGANISATIONS,
  ...PEOPLE,
  ...CATALOGUE,
  ...FLEET,
  ...UPDATES,
  ...WEBHOOKS,
})
