import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fastify, { type FastifyInstance } from 'fastify'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { RawClient, rawRequest } from '../../../test/support/raw-client.ts'
import { OtaError } from '../../core/errors.ts'
import { FilesystemBlobs } from '../../storage/blob/filesystem-blobs.ts'
import { acceptMultipart, type SpoolOptions, spoolForm } from './multipart-spool.ts'

const FILE =
  'Content-Disposition: form-data; name="firmware"; filename="a.bin"\r\nContent-Type: application/octet-stream'
const text = (name: string) => `Content-Disposition: form-data; name="${name}"`
const part = (head: string, body: string) => `--B\r\n${head}\r\n\r\n${body}\r\n`
const form = (...parts: string[]) => `${parts.join('')}--B--\r\n`

describe('a spooled form', () => {
  let root: string
  let blobs: FilesystemBlobs
  let app: FastifyInstance
  let port: number
  let options: Partial<SpoolOptions>
  let maxBytes: number
  let failures: unknown[]

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'godwit-spool-'))
    blobs = await FilesystemBlobs.open(root)
    options = {}
    maxBytes = 1000
    failures = []
    app = fastify({ bodyLimit: 100 })
    await app.register(async (host) => {
      await acceptMultipart(host)
      host.setErrorHandler((error, _request, reply) => {
        failures.push(error)
        reply.code(400).send({ code: error instanceof OtaError ? error.code : String(error) })
      })
      host.post('/upload', async (request) => {
        const spooled = await spoolForm(request, {
          files: ['firmware'],
          stage: (file) => blobs.stage(file.bytes, { maxBytes }),
          ...options,
        })
        const file = spooled.files.get('firmware')
        const answer = {
          fields: Object.fromEntries(spooled.fields),
          files: [...spooled.files.keys()],
          filename: file?.filename,
          type: file?.contentType,
          size: file?.blob.digests.size,
          head: file === undefined ? undefined : Buffer.from(file.blob.head).toString('latin1').slice(0, 40),
        }
        await spooled.discardAll()
        return answer
      })
    })
    port = Number(new URL(await app.listen({ port: 0, host: '127.0.0.1' })).port)
  })
  afterEach(async () => {
    expect(await readdir(join(root, 'tmp'))).toEqual([])
    await app.close()
    await rm(root, { recursive: true })
  })

  const head = (length: number, type = 'multipart/form-data; boundary=B') => [
    'POST /upload HTTP/1.1',
    'Host: h',
    `Content-Type: ${type}`,
    `Content-Length: ${length}`,
  ]
  const post = async (body: string, type?: string) => {
    const answer = await rawRequest(port, head(Buffer.byteLength(body, 'latin1'), type), Buffer.from(body, 'latin1'))
    return { status: answer.status, ...JSON.parse(answer.body.toString()) }
  }

  const whole = { status: 200, fields: { device: 'd1', version: '1.0' }, files: ['firmware'], size: 5, head: 'BYTES' }

  test('takes parts in any order', async () => {
    const [device, version, file] = [part(text('device'), 'd1'), part(text('version'), '1.0'), part(FILE, 'BYTES')]
    expect(await post(form(device, version, file))).toMatchObject(whole)
    expect(await post(form(file, device, version))).toMatchObject(whole)
    expect(await post(form(device, file, version))).toMatchObject({ ...whole, filename: 'a.bin' })
  })

  test('counts a repeated name once, by its first part', async () => {
    const body = form(
      part(text('device'), 'd1'),
      part(text('version'), '1.0'),
      part(FILE, 'BYTES'),
      part(FILE, 'OTHER BYTES'),
      part(text('device'), 'd2'),
      part(text('firmware'), 'late text'),
    )
    expect(await post(body)).toMatchObject(whole)
  })

  test('reads unknown files and drops them, and keeps unknown text', async () => {
    const unknown = part('Content-Disposition: form-data; name="other"; filename="x"', 'x'.repeat(500_000))
    const body = form(unknown, part(FILE, 'BYTES'), part(text('extra'), 'e'))
    expect(await post(body)).toMatchObject({ status: 200, files: ['firmware'], fields: { extra: 'e' } })
  })

  test('a part without a filename is text, whatever its type', async () => {
    const body = form(
      part(`${text('firmware')}\r\nContent-Type: application/octet-stream`, 'BYTES'),
      part(`${text('metadata')}\r\nContent-Type: application/json`, "{'not': json}"),
    )
    expect(await post(body)).toMatchObject({
      status: 200,
      files: [],
      fields: { firmware: 'BYTES', metadata: "{'not': json}" },
    })
  })

  test('text is UTF-8', async () => {
    const body = Buffer.from(form(part(text('name'), 'Fräse 中')), 'utf8').toString('latin1')
    expect(await post(body)).toMatchObject({ fields: { name: 'Fräse 中' } })
  })

  test('an empty file is a file of no bytes, with or without a name', async () => {
    const unnamed = FILE.replace('a.bin', '')
    expect(await post(form(part(FILE, '')))).toMatchObject({ status: 200, files: ['firmware'], size: 0 })
    expect(await post(form(part(unnamed, '')))).toMatchObject({ status: 200, filename: '', size: 0 })
  })

  test('an empty form is empty', async () => {
    expect(await post('--B--\r\n')).toEqual({ status: 200, fields: {}, files: [] })
  })

  test('only the last segment of a filename counts', async () => {
    const body = form(part(FILE.replace('a.bin', '../../etc/passwd'), 'x'))
    expect(await post(body)).toMatchObject({ filename: 'passwd' })
  })

  test('preamble and epilogue are skipped', async () => {
    expect(await post(`preamble\r\n${form(part(FILE, 'BYTES'))}epilogue\r\n--B\r\n`)).toMatchObject({ size: 5 })
  })

  test('bytes that look nearly like a boundary belong to the file', async () => {
    const tricky = '\r\n--C\r\n--A--\r\n\r\n-\r\n--'
    expect(await post(form(part(FILE, tricky)))).toMatchObject({ size: tricky.length, head: tricky })
  })

  test('a body that arrives byte by byte is the same', async () => {
    const body = form(part(text('device'), 'd1'), part(text('version'), '1.0'), part(FILE, 'BYTES'))
    const client = await RawClient.connect(port)
    client.socket.setNoDelay(true)
    client.send(head(body.length))
    for (const byte of Buffer.from(body)) {
      client.socket.write(Buffer.from([byte]))
      await new Promise(setImmediate)
    }
    expect({ status: 200, ...JSON.parse((await client.answer()).body.toString()) }).toMatchObject(whole)
    client.close()
  })

  test.each([
    ['no boundary', form(part(FILE, 'BYTES')), 'multipart/form-data'],
    ['another boundary than announced', form(part(FILE, 'BYTES')), 'multipart/form-data; boundary=C'],
    ['no final boundary', part(text('device'), 'd1') + part(FILE, 'BYTES'), undefined],
    ['a part that never ends', `--B\r\n${FILE}\r\n\r\nBYTES`, undefined],
    ['a head that never ends', `--B\r\n${FILE}`, undefined],
    ['bare line feeds', form(part(FILE, 'BYTES')).replaceAll('\r\n', '\n'), undefined],
    ['too many parts', form(...Array.from({ length: 60 }, (_, n) => part(text(`f${n}`), 'x'))), undefined],
    ['too many text parts', form(...Array.from({ length: 33 }, (_, n) => part(text(`f${n}`), 'x'))), undefined],
    ['text that is too long', form(part(FILE, 'BYTES'), part(text('t'), 'x'.repeat(65_537))), undefined],
    ['a name from the prototype', form(part(text('__proto__'), 'x')), undefined],
    ['junk', 'x'.repeat(100_000), undefined],
  ])('%s is invalid, and nothing stays', async (_name, body, type) => {
    expect(await post(body, type)).toEqual({ status: 400, code: 'invalid' })
  })

  test('a part whose head is too long is not taken for anything', async () => {
    const long = `X-Long: ${'x'.repeat(20_000)}\r\n${text('device')}`
    expect(await post(form(part(long, 'd1'), part(FILE, 'BYTES')))).toMatchObject({ status: 200, fields: {}, size: 5 })
  })

  test('an upload that is cut off is invalid, and nothing stays', async () => {
    const client = await RawClient.connect(port)
    client.send(head(100_000), `--B\r\n${FILE}\r\n\r\n${'x'.repeat(900)}`)
    await vi.waitFor(async () => expect(await readdir(join(root, 'tmp'))).toHaveLength(1))
    client.close()
    await vi.waitFor(() => expect(failures).toMatchObject([{ code: 'invalid' }]))
  })

  test('an upload that stalls is cut', async () => {
    options = { idleTimeoutMs: 100 }
    const client = await RawClient.connect(port)
    client.send(head(100_000), `--B\r\n${FILE}\r\n\r\n${'x'.repeat(900)}`)
    await client.end()
    await vi.waitFor(() => expect(failures).toMatchObject([{ code: 'invalid' }]))
  })

  test('a file over the limit is refused at once, and its sender sees the answer and may go on', async () => {
    const client = await RawClient.connect(port)
    const filler = 'x'.repeat(2_000_000)
    const rest = `${filler}\r\n--B--\r\n`
    const start = `--B\r\n${FILE}\r\n\r\n${'x'.repeat(2000)}`
    client.send(head(start.length + rest.length), start)
    const answer = await client.answer()
    expect(JSON.parse(answer.body.toString())).toEqual({ code: 'too-large' })
    client.socket.write(rest)
    const next = form(part(FILE, 'BYTES'))
    client.send(head(next.length), next)
    expect(JSON.parse((await client.answer()).body.toString())).toMatchObject({ size: 5 })
    client.close()
  })

  test('what staging throws comes through as it is, and earlier files are discarded', async () => {
    let staged = 0
    options = {
      files: ['firmware', 'second'],
      stage: async (file) => {
        staged += 1
        if (file.name === 'second') throw new OtaError('storage-failed', 'disk full')
        return blobs.stage(file.bytes, { maxBytes })
      },
    }
    const body = form(part(FILE, 'BYTES'), part(FILE.replace('firmware', 'second'), 'x'.repeat(300_000)))
    expect(await post(body)).toEqual({ status: 400, code: 'storage-failed' })
    expect(staged).toBe(2)
  })

  test('chunked bodies are taken', async () => {
    const body = form(part(FILE, 'BYTES'))
    const client = await RawClient.connect(port)
    client.send(
      [
        'POST /upload HTTP/1.1',
        'Host: h',
        'Content-Type: multipart/form-data; boundary=B',
        'Transfer-Encoding: chunked',
      ],
      `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
    )
    expect(JSON.parse((await client.answer()).body.toString())).toMatchObject({ size: 5 })
    client.close()
  })

  test('a body of another kind is invalid for the reader', async () => {
    expect(await post('{}', 'application/json')).toEqual({ status: 400, code: 'invalid' })
  })
})
