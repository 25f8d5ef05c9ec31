import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { jumpingClock } from '../../../test/support/jumping-clock.ts'
import { json, type RawReply, type RawRequest, rawHttpServer, reply } from '../../../test/support/raw-http-server.ts'
import { EnosDevice, type EnosDeviceOptions } from './enos-device.ts'

const DEVICE = { productKey: 'pk1', deviceKey: 'dk1', secret: 's3cr3t' }
const FILE = Buffer.alloc(10_000, 'enos firmware ')
const MD5 = createHash('md5').update(FILE).digest('hex')
const SHA256 = createHash('sha256').update(FILE).digest('hex')
const OFFER = { version: '2.0', sign: MD5, signMethod: 'md5', fileUrl: 'enos-connect://abc.zip', fileSize: FILE.length }
const TOPIC = '/topic/sys/pk1/dk1/ota/device'

interface Answers {
  readonly auth?: RawReply
  /** Header lines on the reply to the n-th publish of this topic, from 0. */
  readonly pushOn?: (what: string, turn: number) => object | undefined
  readonly offers?: unknown
  readonly file?: (request: RawRequest) => RawReply
  readonly answer?: (what: string, id: unknown) => RawReply | undefined
}

/** Range as the contract has it. */
function fileReply(request: RawRequest, file: Buffer = FILE): RawReply {
  const range = /^bytes=([0-9]+)-([0-9]+)$/.exec(request.header('range') ?? '')
  if (range === null) return { bytes: reply('200 OK', ['Accept-Ranges: bytes'], file) }
  const [from = 0, to = 0] = range.slice(1).map(Number)
  const last = Math.min(to, file.length - 1)
  return {
    bytes: reply(
      '206 Partial Content',
      [`Content-Range: bytes ${from}-${last}/${file.length}`],
      file.subarray(from, last + 1),
    ),
  }
}

function broker(answers: Answers = {}) {
  const turns = new Map<string, number>()
  return rawHttpServer((request) => {
    if (/^\/+auth\//.test(request.path)) {
      return answers.auth ?? { bytes: json('200 OK', { code: 200, message: 'success', data: { sessionId: 's-1' } }) }
    }
    if (request.path.includes('/file/download')) return (answers.file ?? fileReply)(request)
    const what = /\/ota\/device\/([a-z_]+)\?/.exec(request.path)?.[1] ?? ''
    const turn = turns.get(what) ?? 0
    turns.set(what, turn + 1)
    const { id } = messageOf(request)
    const told = answers.answer?.(what, id)
    if (told !== undefined) return told
    const push = answers.pushOn?.(what, turn)
    const headers =
      push === undefined ? [] : [`command-payload: ${JSON.stringify(push)}`, `topic: /sys/pk1/dk1/ota/device/upgrade`]
    const data = what === 'getversion' ? (answers.offers ?? []) : {}
    return { bytes: json('200 OK', { id, code: 200, data }, headers) }
  })
}

const command = (params: object = OFFER): object => ({ id: '77', version: '1.0', method: 'ota.device.upgrade', params })

function messageOf(request: RawRequest): Record<string, unknown> {
  const message: Record<string, unknown> = JSON.parse(request.body.toString())
  return message
}

/** What a device published: topic and params, in order. */
function published(requests: readonly RawRequest[]): [string, unknown][] {
  return requests
    .filter(({ path }) => path.startsWith(TOPIC))
    .map((request) => [request.path.slice(TOPIC.length + 1).split('?')[0] ?? '', messageOf(request)['params']])
}

function device(url: string, more: Partial<EnosDeviceOptions> = {}): EnosDevice {
  return new EnosDevice({
    url,
    device: DEVICE,
    version: '1.0',
    pieceBytes: 4_096,
    timeouts: { connectMs: 5_000, headMs: 5_000, bodyMs: 5_000 },
    ...more,
  })
}

describe('an update', () => {
  it('[enos 6] authenticates, informs, takes a pushed command, downloads in pieces, reboots and informs again', async () => {
    const host = await broker({
      pushOn: (what, turn) => (what === 'inform' && turn === 0 ? command() : undefined),
    })
    const meter = device(host.url)
    const outcome = await meter.run()
    expect(outcome).toMatchObject({ kind: 'updated', version: '2.0', sha256: SHA256, size: 10_000, downloads: 3 })
    expect(outcome.pushes).toEqual([{ on: 'inform', topic: '/sys/pk1/dk1/ota/device/upgrade', id: '77', offer: OFFER }])
    expect(meter.flash.runningBytes()).toEqual(FILE)

    const [auth] = host.requests
    expect([auth?.method, auth?.path]).toEqual(['POST', '/auth/pk1/dk1'])
    expect(auth === undefined ? undefined : messageOf(auth)).toEqual({
      signMethod: 'sha256',
      lifetime: 300_000,
      // [enos 6] vector of the contract
      sign: '35611fa487ddeaf00a3d692940e1f07ad9ebdbe468f5d9c519ddced51105386e',
      clientInfo: { ipAddress: '127.0.0.1', sdkVersion: '2.2.16' },
      acceptCommandTypes: [],
    })
    expect(published(host.requests)).toEqual([
      ['inform', { version: '1.0' }],
      ['progress', { step: '0', desc: 'downloading' }],
      ['progress', { step: '32', desc: 'downloading' }],
      ['progress', { step: '65', desc: 'downloading' }],
      ['progress', { step: '90', desc: 'verified' }],
      ['inform', { version: '2.0' }],
    ])
    const pieces = host.requests.filter(({ path }) => path.startsWith('/multipart/'))
    expect(new Set(pieces.map(({ path }) => path))).toEqual(
      new Set(['/multipart/sys/pk1/dk1/file/download?sessionId=s-1&fileUri=enos-connect://abc.zip&category=ota']),
    )
    expect(pieces.map((request) => request.header('range'))).toEqual([
      'bytes=0-4095',
      'bytes=4096-8191',
      'bytes=8192-9999',
    ])
    // The reboot loses the session.
    expect(host.requests.filter(({ path }) => path.startsWith('/auth/'))).toHaveLength(2)
    expect(host.requests.map(({ connection }) => connection).at(-1)).toBe(1)
  })

  it('[enos 5.2] message ids are text and rise', async () => {
    const host = await broker()
    await device(host.url).run()
    const messages = host.requests.filter(({ path }) => path.startsWith(TOPIC)).map(messageOf)
    expect(messages).toEqual([
      { id: '1', version: '1.0', method: 'ota.device.inform', params: { version: '1.0' } },
      { id: '2', version: '1.0', method: 'ota.device.getversion', params: {} },
    ])
  })

  it.each<[string, Partial<EnosDeviceOptions>, number]>([
    ['whole', { pieceBytes: 0 }, 1],
    ['in one piece', { pieceBytes: 10_000 }, 1],
    ['in two pieces', { pieceBytes: 9_999 }, 2],
  ])('pulls by getversion and downloads %s', async (_what, options, downloads) => {
    const host = await broker({ offers: [{ ...OFFER, sign: SHA256, signMethod: 'sha256' }] })
    expect(await device(host.url, options).run()).toMatchObject({
      kind: 'updated',
      version: '2.0',
      downloads,
      pushes: [],
    })
  })

  it('doubles the slash of a base address that ends with one, as the Java samples do', async () => {
    const host = await broker({ offers: [OFFER] })
    expect(await device(`${host.url}/`).run()).toMatchObject({ kind: 'updated' })
    expect(host.requests[0]?.path).toBe('//auth/pk1/dk1')
  })

  it('downloads from a signed address when it is asked to, or given one', async () => {
    const files = await rawHttpServer(fileReply)
    const link = `${files.url}/blob?sig=a%2Bb`
    const host = await broker({
      offers: [OFFER],
      file: () => ({ bytes: json('200 OK', { code: 200, data: link }) }),
    })
    expect(await device(host.url, { throughAddress: true }).run()).toMatchObject({ kind: 'updated', sha256: SHA256 })
    expect(host.requests.some(({ path }) => path.includes('/file/download/url?'))).toBe(true)
    const other = await broker({ offers: [{ ...OFFER, fileUrl: link }] })
    expect(await device(other.url, { pieceBytes: 0 }).run()).toMatchObject({ kind: 'updated' })
    expect(new Set(files.requests.map(({ path }) => path))).toEqual(new Set(['/blob?sig=a%2Bb']))
  })

  it.each<[string, Answers, Partial<EnosDeviceOptions>, object]>([
    ['nothing is offered', {}, {}, { kind: 'nothing', downloads: 0 }],
    ['nothing is pushed and pulling is off', { offers: [OFFER] }, { pull: false }, { kind: 'nothing' }],
    ['what runs already is offered', { offers: [{ ...OFFER, version: '1.0' }] }, {}, { kind: 'up-to-date' }],
    ['the offer lacks fields', { offers: [{ version: '2.0' }] }, {}, { kind: 'failed', code: 'bad-reply' }],
    ['the list is none', { offers: {} }, {}, { kind: 'failed', code: 'bad-reply' }],
  ])('ends when %s', async (_what, answers, options, expected) => {
    const host = await broker(answers)
    expect(await device(host.url, options).run()).toMatchObject(expected)
  })
})

describe('failures', () => {
  it.each<[string, RawReply]>([
    ['another digest', { bytes: json('200 OK', { id: '1', code: 200, data: {} }) }],
    ['401', { bytes: json('401 Unauthorized', { code: 401, message: 'no', data: {} }) }],
    ['HTML', { bytes: reply('502 Bad Gateway', [], '<html>') }],
    ['no sessionId', { bytes: json('200 OK', { code: 200, data: {} }) }],
  ])('an authentication answered with %s', async (_what, auth) => {
    const host = await broker({ auth })
    expect(await device(host.url).run()).toMatchObject({ kind: 'failed', version: '1.0' })
    expect(host.requests).toHaveLength(1)
  })

  it.each<[string, object, number]>([
    ['the sign of other bytes', { sign: '0'.repeat(32) }, -3],
    ['an upper-case sign', { sign: MD5.toUpperCase() }, -3],
    ['an unknown signMethod', { signMethod: 'crc32' }, -3],
    ['another size', { fileSize: 9_000 }, -2],
  ])('%s ends with step %i', async (_what, difference, step) => {
    const pieceBytes = 'fileSize' in difference ? 5_000 : 4_096
    const host = await broker({ offers: [{ ...OFFER, ...difference }] })
    const meter = device(host.url, { pieceBytes })
    const expected = step === -3 ? { code: -3 } : { code: -2 }
    expect(await meter.run()).toMatchObject({ kind: 'failed', version: '1.0', ...expected })
    expect(published(host.requests).at(-1)?.[1]).toMatchObject({ step: String(step) })
    expect(meter.flash.running).toBeUndefined()
  })

  it.each<[string, RawReply]>([
    ['404', { bytes: json('404 Not Found', { code: 404 }) }],
    ['a chunked body', { bytes: reply('206 Partial Content', ['Transfer-Encoding: chunked'], '0\r\n\r\n') }],
    ['a short body', { bytes: reply('200 OK', ['Content-Length: 10000'], 'abc'), end: true }],
    ['a part without Content-Range', { bytes: reply('206 Partial Content', [], FILE.subarray(0, 4_096)) }],
    [
      'another part',
      { bytes: reply('206 Partial Content', ['Content-Range: bytes 1-4096/10000'], FILE.subarray(1, 4_097)) },
    ],
  ])('a download answered with %s ends with step -2', async (_what, file) => {
    const host = await broker({ offers: [OFFER], file: () => file })
    expect(await device(host.url).run()).toMatchObject({ kind: 'failed', code: -2 })
    expect(published(host.requests).at(-1)?.[1]).toMatchObject({ step: '-2' })
  })

  it.each([
    ['download', -2],
    ['verification', -3],
    ['writing', -4],
  ] as const)('a device told to fail at %s reports step %i', async (failsAt, step) => {
    const host = await broker({ offers: [OFFER] })
    expect(await device(host.url, { failsAt }).run()).toMatchObject({ kind: 'failed', code: step, version: '1.0' })
    expect(published(host.requests).at(-1)).toEqual(['progress', expect.objectContaining({ step: String(step) })])
  })

  it('leaves nothing behind in the spare slot for the next attempt', async () => {
    let attempts = 0
    const host = await broker({
      offers: [OFFER],
      file: (request) => {
        attempts += 1
        return attempts <= 3 ? fileReply(request, Buffer.alloc(FILE.length)) : fileReply(request)
      },
    })
    const meter = device(host.url)
    expect(await meter.run()).toMatchObject({ kind: 'failed', code: -3 })
    expect(await meter.run()).toMatchObject({ kind: 'updated', sha256: SHA256 })
    expect(meter.flash.runningBytes()).toEqual(FILE)
  })

  it('[enos 5.3] a reply id that is no text, or another one', async () => {
    for (const wrong of [1, '9', undefined]) {
      const host = await broker({
        answer: () => ({ bytes: json('200 OK', { id: wrong, code: 200, data: {} }) }),
      })
      expect(await device(host.url).run()).toMatchObject({ kind: 'failed', code: 'bad-reply' })
    }
  })

  it('[enos 6] does not react to an invalid session', async () => {
    const host = await broker({
      answer: (_what, id) => ({ bytes: json('401 Unauthorized', { id, code: 401, message: 'bad session', data: {} }) }),
    })
    expect(await device(host.url).run()).toMatchObject({ kind: 'failed', code: 401 })
    expect(host.requests.map(({ path }) => path.split('?')[0])).toEqual(['/auth/pk1/dk1', `${TOPIC}/inform`])
  })
})

describe('commands on replies', () => {
  it('are recorded wherever they come, and acted on once', async () => {
    const host = await broker({
      pushOn: (what) => (what === 'inform' || what === 'progress' ? command() : undefined),
    })
    const outcome = await device(host.url, { answersCommands: true }).run()
    expect(outcome).toMatchObject({ kind: 'updated', downloads: 3 })
    expect(outcome.pushes.map(({ on }) => on)).toEqual([
      'inform',
      'progress',
      'progress',
      'progress',
      'progress',
      'inform',
    ])
    const replied = host.requests.find(({ path }) => path.startsWith(`${TOPIC}/upgrade_reply?`))
    expect(replied === undefined ? undefined : messageOf(replied)).toEqual({ id: '77', code: 200, data: {} })
  })

  it('on the authentication are recorded as such', async () => {
    const auth = json('200 OK', { code: 200, data: { sessionId: 's' } }, [
      `command-payload: ${JSON.stringify(command())}`,
    ])
    const host = await broker({ auth: { bytes: auth } })
    const outcome = await device(host.url).run()
    expect(outcome.pushes[0]?.on).toBe('auth')
  })
})

it('[enos 6] authenticates again once the lifetime has passed since the last authentication', async () => {
  const clock = jumpingClock(0)
  const host = await broker()
  const meter = device(host.url, { clock, lifetimeMs: 30_000 })
  const authentications = (): number => host.requests.filter(({ path }) => path.startsWith('/auth/')).length
  await meter.run()
  clock.advance(29_999)
  await meter.run()
  expect(authentications()).toBe(1)
  clock.advance(1)
  await meter.run()
  expect(authentications()).toBe(2)
})
