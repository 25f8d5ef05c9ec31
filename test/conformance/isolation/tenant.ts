import { createHash } from 'node:crypto'
import type { Serial } from '../../../src/core/common.ts'
import { SYSTEM } from '../../../src/core/event/event.ts'
import type { FirmwareFile } from '../../../src/core/firmware/firmware.ts'
import { joinTransaction } from '../../../src/core/join-transaction.ts'
import type { Product } from '../../../src/core/product/product.ts'
import type { Scope } from '../../../src/core/service.ts'
import { extraOf } from '../../../src/protocols/enos/jobs/job-facts.ts'
import { issueDeviceToken } from '../../../src/protocols/spoke-zone/device-token.ts'
import { newDeadLetter } from '../../support/rows.ts'
import { bytesOf } from '../../support/test-core.ts'
import type { TestServer } from '../../support/test-server.ts'
import { encryption, signedDevice } from './enos-signing.ts'

export const PASSWORD = 'a-long-enough-password'

export interface TenantDevice {
  readonly serial: Serial
  readonly id: string
  readonly key: string
}

/** An organisation that has one of everything, with every credential that its people, programs and devices hold. */
export type Tenant = Awaited<ReturnType<typeof makeTenant>>

/** The people of a tenant: those who call. */
async function makePeople(server: TestServer, mark: string, organisation: Serial) {
  const { core } = server
  const scope = { actor: SYSTEM, organisation }
  const owner = await core.accounts.create(SYSTEM, { email: `owner@${mark}.example`, password: PASSWORD })
  const member = await core.accounts.create(SYSTEM, { email: `member@${mark}.example`, password: PASSWORD })
  await core.accounts.setRole(scope, owner.id, 'owner')
  await core.accounts.setRole(scope, member.id, 'operator')
  const { secret: bearer } = await core.apiTokens.create(SYSTEM, owner, { name: `${mark}-token`, scope: 'admin' })
  const spare = await core.apiTokens.create(SYSTEM, owner, { name: `${mark}-spare-token`, scope: 'read' })
  return { owner, member, bearer, spareToken: spare.token.id }
}

/** Makes an organisation whose every name begins with `mark`; `base` begins its numbers. */
export async function makeTenant(server: TestServer, mark: string, base: number) {
  const { core } = server
  const organisation = await core.organisations.create(SYSTEM, {
    key: `${mark}-organisation`,
    name: `${mark} organisation`,
    aliases: { 'enos/org-id': `${mark}-org-id` },
  })
  const scope = { actor: SYSTEM, organisation: organisation.serial }
  const people = await makePeople(server, mark, organisation.serial)
  const secrets = {
    native: `${mark}-native-token-0123456789`,
    tracker: `${mark}-tracker-token-0123456789`,
    iotaap: letters(`${mark}-iotaap`, 12),
    group: letters(`${mark}-group`, 16),
    enos: `${mark}-enos-secret`,
    accessKey: uuid(`${mark}-access-key`),
    accessSecret: uuid(`${mark}-access-secret`),
  }

  const things = await core.deps.storage.transaction(async (stores) => {
    const { services } = joinTransaction(core.deps, stores)
    const { product, modules } = await services.products.create(scope, {
      key: `${mark}-product`,
      serial: base + 1,
      aliases: { 'enos/product-key': `${mark}-product-key` },
      modules: [
        { key: `${mark}-app`, serial: base + 2 },
        { key: `${mark}-extra`, serial: base + 3 },
        { key: `${mark}-spare-module`, serial: base + 4 },
      ],
    })
    await services.products.create(scope, { key: `${mark}-spare-product`, serial: base + 5 })
    const group = await services.groups.insert(stores, scope, { key: `${mark}-group` })
    await services.groups.insert(stores, scope, { key: `${mark}-spare-group` })
    await services.credentials.add(stores, scope, { group: group.serial }, recoverable('iotaap', secrets.group))
    const device = (key: string, serial: number, more: object): Promise<TenantDevice> =>
      services.devices.insert(stores, scope, {
        key: `${mark}-${key}`,
        name: `${mark} ${key} name`,
        serial: base + serial,
        tags: { site: `${mark}-site` },
        attributes: { serialNumber: `${mark}-${key}-serial-number` },
        ...more,
      })
    const devices = {
      /** Holds a credential of every scheme; nothing is assigned to it. */
      plain: await device('plain', 11, {
        product: product.serial,
        credentials: [
          { scheme: 'native', secret: secrets.native },
          recoverable('iotaap', letters(`${mark}-plain`, 12)),
          { scheme: 'spoke-zone', details: { cpuId: `${mark}-plain-cpu`, uuid: `${mark}-plain-uuid` } },
          recoverable('enos', `${mark}-plain-enos-secret`),
          recoverable('hawkbit', `${mark}-plain-hawkbit-token`),
        ],
      }),
      iotaap: await device('iotaap', 12, { credentials: [recoverable('iotaap', secrets.iotaap)] }),
      zone: await device('zone', 13, {
        product: product.serial,
        credentials: [{ scheme: 'spoke-zone', details: { cpuId: `${mark}-cpu`, uuid: `${mark}-uuid` } }],
      }),
      enos: await device('enos', 14, {
        product: product.serial,
        aliases: { 'enos/device-key': `${mark}-device-key`, 'enos/asset-id': `${mark}-asset-id` },
        credentials: [recoverable('enos', secrets.enos)],
      }),
      tracker: await device('tracker', 16, {
        product: product.serial,
        credentials: [{ scheme: 'native', secret: secrets.tracker }],
      }),
      member: await device('member', 15, { product: product.serial, group: group.serial }),
      /** Whom the jobs of EnOS are for. */
      jobbed: await device('jobbed', 17, { product: product.serial }),
    }
    const { accessKey } = await services.accessKeys.create(scope, {
      key: secrets.accessKey,
      secret: secrets.accessSecret,
      name: `${mark} program`,
      permissions: ['read', 'write'],
    })
    return { product, modules, group, devices, accessKey }
  })
  const { product, modules, group, devices } = things

  const image = (name: string) => Buffer.from(`${mark}-${name}-image-bytes`.repeat(8))
  const stage = (bytes: Uint8Array) => core.deps.blobs.stage(bytesOf(bytes), { maxBytes: 1_000_000 })
  const push = async (version: string, serial: number): Promise<FirmwareFile> => {
    const input = {
      product: product.serial,
      module: modules[0]?.serial ?? null,
      version: `${mark}-${version}`,
      serial: base + serial,
      // The floor is above what is assigned, so that it bars nobody's way.
      sequence: serial,
      active: true,
      notes: `${mark} ${version} notes`,
      fileName: `${mark}-${version}.bin`,
    }
    return core.firmware.create(scope, input, await stage(image(version)))
  }
  const firmware = await push('1.0.0', 21)
  const spareFirmware = await push('2.0.0', 22)
  const { firmware: pinned } = await push('3.0.0', 23)
  const released = { product: product.key, firmware: { [`${mark}-app`]: pinned.version } }
  const release = await core.releases.create(scope, { ...released, version: `${mark}-release` })
  const { floor } = await core.floors.create(scope, {
    product: product.key,
    firmware: { version: pinned.version },
    reason: `${mark} reason of the floor`,
  })
  const spareRelease = await core.releases.create(scope, { ...released, version: `${mark}-spare-release` })
  const { assignment } = await core.assignments.assign(scope, { device: devices.enos.key }, { release: release.id })
  const rollouts = await makeRollouts(server, scope, { mark, product: product.key, device: devices.plain.key })
  const deploy = async (target: { device: Serial } | { group: Serial }, version: string) =>
    core.deploys.deploy(
      scope,
      { target, version: `${mark}-${version}`, fileName: 'firmware.bin' },
      await stage(image(version)),
    )
  await deploy({ device: devices.iotaap.serial }, 'deployed')
  await deploy({ group: group.serial }, 'group-deployed')

  const { webhook, secret: webhookSecret } = await core.webhooks.create(scope, {
    url: `https://hooks.example.test/${mark}-hook`,
    name: `${mark} webhook`,
  })
  const letter = await core.deps.storage.transaction((stores) =>
    stores.deadLetters.insert(newDeadLetter(webhook, { body: JSON.stringify({ type: `${mark}-type` }) })),
  )
  const recorded = { organisation: organisation.serial, type: 'device' }
  const [event] = await core.deps.storage.read.events.list(recorded, { limit: 1 })
  if (!event) throw new Error('nothing was recorded')

  const factsOf = async (serial: Serial) => {
    const facts = await core.gateway.find({ by: 'serial', serial })
    if (!facts) throw new Error(`no device ${serial}`)
    return facts
  }
  const zone = await factsOf(devices.zone.serial)
  const announced = await core.dataFiles.announce(zone, { type: 'log' })
  const dataFile = await core.dataFiles.store(zone, announced.serial, await stage(image('data-file')))
  await core.gateway.checkIn(await factsOf(devices.jobbed.serial), { running: { '': `${mark}-old` } })
  const jobs = await makeJobs(server, scope, { mark, product, firmware, device: devices.jobbed })
  const update = await core.gateway.grant(await factsOf(devices.enos.serial), { via: 'enos', reporting: 'progress' })
  const wanted = { product: product.key, version: firmware.firmware.version }
  await core.assignments.assign(scope, { device: devices.tracker.key }, wanted)
  const tracker = await factsOf(devices.tracker.serial)
  const nativeUpdate = await core.gateway.grant(tracker, { via: 'native', reporting: 'progress' })
  if (!update || !nativeUpdate) throw new Error('no update was granted')

  return {
    mark,
    base,
    organisation,
    scope,
    ...people,
    ...things,
    secrets,
    image,
    firmware,
    spareFirmware,
    pinned,
    floor,
    jobs,
    release,
    spareRelease,
    assignment,
    rollouts,
    dataFile,
    update,
    event: event.id,
    webhook: webhook.id,
    letter: letter.id,
    nativeUpdate,
    ...(await logIn(server, { mark, devices, secrets, factsOf })),
    signedUrlToken: await core.deps.tokens.sign(
      'enos/download',
      { device: devices.enos.serial, update: update.serial },
      900,
    ),
    /** Text of every secret and content that stands in no row in clear. */
    hidden: [
      ...Object.values(secrets),
      people.bearer,
      webhookSecret,
      `${mark}-plain-enos-secret`,
      `${mark}-plain-hawkbit-token`,
    ],
  }
}

/** Rollouts in every state that a step needs; none of them is for a device that is there. */
async function makeRollouts(
  { core }: TestServer,
  scope: { actor: typeof SYSTEM; organisation: Serial },
  { mark, product, device }: { mark: string; product: string; device: string },
) {
  const make = async (name: string, first: { approvals?: number } = {}) => {
    const rollout = await core.rollouts.create(scope, {
      key: `${mark}-${name}`,
      name: `${mark} ${name} name`,
      release: { product, version: `${mark}-1.0.0` },
      select: { filter: `tag.site = "${mark}-elsewhere"` },
      stages: [{ percent: 5, ...first }, { percent: 100 }],
    })
    return name === 'draft' ? rollout : core.rolloutControl.start(scope, rollout.key)
  }
  const running = await make('running')
  await core.rolloutMembers.exclude(scope, running.key, { devices: [device], reason: `${mark} reason` })
  const paused = await make('paused')
  await core.rolloutControl.pause(scope, paused.key)
  return { running, paused, draft: await make('draft'), approval: await make('approval', { approvals: 1 }) }
}

/** Jobs as programs of EnOS make them: not started, started, and started with its only task cancelled. */
async function makeJobs(
  server: TestServer,
  scope: Scope,
  of: { mark: string; product: Product; firmware: FirmwareFile; device: TenantDevice },
) {
  const { rollouts, rolloutControl, rolloutMembers } = server.core
  const { mark, product, device } = of
  const { firmware } = of.firmware
  const make = async (name: string): Promise<string> => {
    const { id } = await rollouts.create(scope, {
      key: `${mark}-job-${name}`,
      product: product.key,
      release: { firmware: firmware.id },
      selection: { filter: { kind: 'one-of', field: 'id', values: [device.id] }, reportingOnly: true },
      extra: extraOf({
        firmware: firmware.id,
        version: firmware.version,
        name: { default: `${mark} job ${name}`, locales: {} },
        upgradePolicy: 'incremental',
        upgradeScope: { type: 'partial', deviceKeys: [device.key] },
        upgradeTimeout: 7_200,
        retryPolicy: null,
        schedulePolicy: null,
        maximumConcurrency: 300,
      }),
    })
    return id
  }
  const jobs = { draft: await make('draft'), running: await make('running'), cancelled: await make('cancelled') }
  for (const id of [jobs.running, jobs.cancelled]) await rolloutControl.start(scope, id)
  await rolloutMembers.exclude(scope, jobs.cancelled, { devices: [device.key], reason: `${mark} reason of the job` })
  return jobs
}

/** The tokens that the protocols hand out. */
async function logIn(
  server: TestServer,
  who: {
    readonly mark: string
    readonly devices: { readonly zone: TenantDevice }
    readonly secrets: { readonly enos: string; readonly accessKey: string; readonly accessSecret: string }
    factsOf(serial: Serial): Promise<Parameters<typeof issueDeviceToken>[1]>
  },
) {
  const { mark, devices, secrets, factsOf } = who
  const post = async (path: string, body: object) => {
    const headers = { 'content-type': 'application/json' }
    const reply = await fetch(server.url + path, { method: 'POST', headers, body: JSON.stringify(body) })
    if (!reply.ok) throw new Error(`${path}: ${reply.status} ${await reply.text()}`)
    return (await reply.json()) as { token: string; data: { accessToken: string; sessionId: string } }
  }
  const email = `owner@${mark}.example`
  const timestamp = server.clock.now()
  const { accessKey: appKey, accessSecret } = secrets
  const names = { productKey: `${mark}-product-key`, deviceKey: `${mark}-device-key` }
  return {
    iotaapJwt: (await post('/v1/auth/login', { email, password: PASSWORD })).token,
    zoneUserToken: (await post('/login', { username: email, password: PASSWORD })).token,
    zoneToken: await issueDeviceToken(server.host, await factsOf(devices.zone.serial)),
    accessToken: (
      await post('/apim-token-service/v2.0/token/get', {
        appKey,
        timestamp,
        encryption: encryption(appKey, timestamp, accessSecret),
      })
    ).data.accessToken,
    session: (
      await post(`/auth/${names.productKey}/${names.deviceKey}`, signedDevice({ ...names, secret: secrets.enos }))
    ).data.sessionId,
  }
}

function recoverable(scheme: string, secret: string) {
  return { scheme, secret, recoverable: true } as const
}

function letters(seed: string, length: number): string {
  return createHash('sha512').update(seed).digest('hex').slice(0, length)
}

function uuid(seed: string): string {
  const hex = createHash('sha256').update(seed).digest('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-')
}
