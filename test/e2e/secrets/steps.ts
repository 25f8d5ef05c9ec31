import { randomBytes } from 'node:crypto'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { encryption, signedDevice, signedHeaders } from '../../conformance/isolation/enos-signing.ts'
import type { Filled, Run } from './run.ts'

/** Logins of every kind, right and wrong, in all shapes that their routes read. */
export async function logIn(run: Run, { person, credentials, access }: Filled) {
  const { secrets } = run
  const wrong = secrets.make('wrong password')
  for (const password of [person.password, wrong]) {
    await run.json('/api/godwit/v1/login', { ...person, password })
    await run.json('/login', { username: person.email, password })
    await run.json('/v1/auth/login', { email: person.email, password })
    await run.send('POST', '/v1/auth/login', {
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: `email=${person.email}&password=${password}`,
    })
    // Broken bodies, whose parsers like to quote what they saw.
    for (const path of ['/api/godwit/v1/login', '/login', '/v1/auth/login', '/loginDevice', '/device/v1/enrol'])
      for (const body of [`{"password":"${password}`, `{"password":${password}}`, `${password}`, `["${password}",]`])
        await run.send('POST', path, { headers: { 'content-type': 'application/json' }, body })
    await run.send('POST', `/login?password=${password}&token=${password}`, { body: password })
    await run.json('/api/godwit/v1/login', { email: 7, password: { deep: password } })
  }
  const user = await run.json('/v1/auth/login', person)
  const jwt = secrets.note('iotaap jwt', JSON.parse(user.text).token)
  const zone = await run.json('/login', { username: person.email, password: person.password })
  const zoneUser = secrets.note('spoke.zone user token', JSON.parse(zone.text).token)

  const now = Date.now()
  const digest = secrets.note('encryption', encryption('program', now, access.secret))
  const token = await run.json('/apim-token-service/v2.0/token/get', {
    appKey: 'program',
    encryption: digest,
    timestamp: now,
  })
  const accessToken = secrets.note('enos access token', JSON.parse(token.text).data.accessToken)
  const proved = signedDevice({ productKey: 'pk', deviceKey: 'dk', secret: credentials.enos.secret })
  const opened = await run.json('/auth/pk/dk', proved)
  const session = secrets.note('enos session', JSON.parse(opened.text).data.sessionId)
  secrets.note('enos device sign', String((proved as { sign: string }).sign))
  return { jwt, zoneUser, accessToken, session }
}

/** Everybody's secrets in addresses, headers and forms, right, wrong and misplaced. */
export async function useSecrets(run: Run, filled: Filled, tokens: Awaited<ReturnType<typeof logIn>>): Promise<void> {
  const { secrets } = run
  const { device, second, board, group, groupToken, credentials, access, proof, zoneToken } = filled
  const wrong = secrets.make('wrong token', 12)
  const long = secrets.make('wrong long token', 64)
  const downloads = [
    `${second.id}${board.token}`,
    `${second.id}${wrong}`,
    `${device.id}${credentials.iotaap.token}`,
    `${second.id}${long}`,
    `${second.id}/${board.token}`,
    encodeURIComponent(`${second.id}${board.token}%`),
    `${board.token}`,
  ]
  for (const path of downloads)
    for (const method of ['GET', 'HEAD', 'POST', 'PUT'])
      for (const start of [
        '/v1/ota/device/download/',
        '//v1//ota/device/download/',
        '/v1/ota/group/download/',
        '/v1/ota/device/latest/',
      ])
        await run.send(method, `${start}${path}`)
  await run.send('GET', `/v1/ota/group/download/${group.id}${groupToken}?token=${groupToken}`)

  for (const secret of [zoneToken, tokens.zoneUser, tokens.jwt, credentials.native.token, long])
    for (const [method, path] of [
      ['GET', '/api/v2/ota-files'],
      ['GET', '/api/v2/ota-files/0x1/file'],
      ['GET', '/v1/devices'],
      ['GET', '/api/godwit/v1/devices'],
      ['POST', '/device/v1/check'],
      ['GET', '/metrics'],
      ['GET', '/nobody'],
      ['TRACE', '/nobody'],
    ] as const) {
      const headers = {
        'x-access-token': secret,
        authorization: `Bearer ${secret}`,
        cookie: `session=${secret}`,
        'proxy-authorization': `Basic ${secret}`,
      }
      if (method !== 'TRACE') await run.send(method, path, { headers })
      await run.send(
        method === 'TRACE' ? 'GET' : method,
        `${path}?token=${secret}&x-access-token=${secret}&access_token=${secret}`,
      )
    }
  await run.json('/loginDevice', { token: zoneToken, cpu_id: 'cpu-one', uuid: 'uuid-one' })
  await run.json('/loginDevice', { token: long, cpu_id: long, uuid: long })

  const query = { action: 'search', orgId: 'acme' }
  const timestamp = Date.now()
  const signed = signedHeaders({ token: tokens.accessToken, secret: access.secret, query, timestamp })
  secrets.note('enos signature', signed['apim-signature'] ?? '')
  const calls = `/connect-service/v2.1/ota-firmwares?${new URLSearchParams(query)}`
  await run.send('GET', calls, { headers: signed })
  await run.send('GET', calls, { headers: { ...signed, 'apim-accesstoken': long } })
  const opaque = secrets.note('opaque header', `${randomBytes(256).toString('base64').slice(0, 342)}==`)
  await run.send('GET', calls, { headers: { 'apim-accesstoken': opaque, 'x-godwit-proof': `program:${proof}` } })
  for (const session of [tokens.session, long]) {
    await run.json(`/topic/sys/pk/dk/ota/device/inform?sessionId=${session}`, { id: '1', params: { version: '1' } })
    await run.json(`/topic/sys/pk/dk/ota/device/nothing?sessionId=${session}`, {})
    await run.send(
      'GET',
      `/multipart/sys/pk/dk/file/download?sessionId=${session}&fileUri=enos-connect://x.bin&category=ota`,
    )
    await run.send('GET', `/multipart/signed/${session}/x.bin`)
  }
  await run.json('/device/v1/enrol', { key: 'program', secret: access.secret, device: 'x', token: long })
}

/** Uploads with tokens in their fields: of somebody else, cut off, and right. */
export async function deploy(run: Run, { second, board }: Filled, jwt: string): Promise<void> {
  const field = (name: string, value: string) =>
    `--x\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`
  const file = '--x\r\ncontent-disposition: form-data; name="firmware"; filename="f.bin"\r\n\r\nimage\r\n'
  const form = (token: string, end = '--x--\r\n') =>
    field('device', second.id) + field('token', token) + field('version', '1.0.0') + file + end
  const headers = { authorization: `Bearer ${jwt}`, 'content-type': 'multipart/form-data; boundary=x' }
  for (const body of [form('wrongwrong12'), form(board.token, ''), form(board.token)])
    await run.send('POST', '/v1/ota/device', { headers, body })
  await run.send('GET', `/v1/ota/device?search_value=${board.token}`, {
    headers: { authorization: headers.authorization },
  })
}

/** Takes every stored file away, and asks for it over each protocol: the server is at fault, and says so in its log. */
export async function breakFiles(
  run: Run,
  filled: Filled,
  given: { tokens: Awaited<ReturnType<typeof logIn>>; data: string },
) {
  const { second, board } = filled
  const { tokens, data } = given
  const bearer = { authorization: `Bearer ${tokens.jwt}` }
  const upload = await run.api('POST', '/tokens', { name: 'upload', scope: 'admin' })
  run.secrets.note('upload token', upload.token)
  const pushed = await run.send(
    'POST',
    '/api/godwit/v1/firmware?organisation=acme&product=pk&version=2.0.0&active=true',
    {
      headers: { authorization: `Bearer ${upload.token}`, 'content-type': 'application/octet-stream' },
      body: randomBytes(5_000),
    },
  )
  const firmware = JSON.parse(pushed.text) as { id: string; number: number; file: { sha256: string } }
  await run.api('POST', '/assignments', { device: 'dk', firmware: firmware.id })
  const session = `sessionId=${tokens.session}`
  const informed = await run.json(`/topic/sys/pk/dk/ota/device/inform?${session}`, {
    id: '1',
    params: { version: '1' },
  })
  const { params } = JSON.parse(informed.headers.get('command-payload') ?? '{"params":{}}') as {
    params: { fileUrl?: string }
  }
  const query = `${session}&fileUri=${params.fileUrl}&category=ota`
  const url = await run.send('GET', `/multipart/sys/pk/dk/file/download/url?${query}`)
  const signedUrl = new URL((JSON.parse(url.text) as { data: string }).data)
  run.secrets.note('signed address', signedUrl.pathname.split('/')[3] ?? '')

  for (const entry of readdirSync(join(data, 'blobs'), { recursive: true, withFileTypes: true }))
    if (entry.isFile()) rmSync(join(entry.parentPath, entry.name))
  const broken = [
    await run.send('GET', `/v1/ota/device/download/${second.id}${board.token}`, { headers: bearer }),
    await run.send('GET', `/api/v2/ota-files/${firmware.number}/file`, {
      headers: { 'x-access-token': tokens.zoneUser },
    }),
    await run.send('GET', `/multipart/sys/pk/dk/file/download?${query}`),
    await run.send('GET', signedUrl.pathname),
    await run.send('GET', `/api/godwit/v1/firmware/${firmware.id}/file?organisation=acme`, {
      headers: { authorization: `Bearer ${upload.token}` },
    }),
  ]
  const kept = broken.filter(({ status }) => status < 500)
  expect(kept, 'a file that is gone is the fault of the server').toEqual([])
  for (const { text } of broken) expect(text).not.toMatch(/\bat \S+ \(|ENOENT|blobs\//)
}
