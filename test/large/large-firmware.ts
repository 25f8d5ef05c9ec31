import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream, readFileSync } from 'node:fs'
import { get, request } from 'node:http'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { expect } from 'vitest'
import { seededRandom } from '../../src/simulator/seeded-random.ts'
import { login, type SpawnedServer, spawnServer } from '../support/spawn-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const MIB = 2 ** 20
const MOST_RSS = 250e6
const CLIENTS_EACH = 10
const BOARD = { id: '5e1b57808711f904f5df4bad', token: 'FSXuSmJRiJ4v' }

/**
 * Uploads a file of `mib` MiB raw and as a form, then downloads it with 20 clients at once over two protocols. All hashes
 * must be equal, and the server's resident memory below 250 MB all the while. Answers the highest seen, bytes.
 */
export async function largeFirmware(mib: number): Promise<number> {
  const folder = await temporaryFolder()
  const file = join(folder.path, 'large.bin')
  const sha256 = await writeLargeFile(file, mib)
  const server = await spawnServer({ data: join(folder.path, 'data'), args: ['--log', 'warn'] })
  const memory = watchMemory(server.pid)
  try {
    const headers = await prepare(server)
    const raw = await upload(`${server.url}/api/godwit/v1/firmware?product=panel&version=1.0.0`, { file, headers })
    const form = await upload(`${server.url}/api/godwit/v1/firmware?product=panel&version=1.1.0`, {
      file,
      headers,
      form: true,
    })
    expect([raw.file.sha256, form.file.sha256]).toEqual([sha256, sha256])
    await post(server, '/assignments', headers, { device: 'board', product: 'panel', version: '1.1.0' })
    const urls = [
      `${server.url}/api/godwit/v1/firmware/${raw.id}/file`,
      `${server.url}/v1/ota/device/download/${BOARD.id}${BOARD.token}`,
    ].flatMap((url) => Array.from({ length: CLIENTS_EACH }, () => url))
    const hashes = await Promise.all(urls.map((url) => download(url, headers)))
    expect(new Set(hashes)).toEqual(new Set([sha256]))
    expect(memory.highest()).toBeLessThan(MOST_RSS)
    return memory.highest()
  } finally {
    memory.stop()
    await server.stop()
    await folder.remove()
  }
}

/** Incompressible and without repetition from MiB to MiB. */
export async function writeLargeFile(file: string, mib: number): Promise<string> {
  const block = Buffer.from(seededRandom('large firmware').bytes(MIB))
  const hash = createHash('sha256')
  const blocks = function* () {
    for (let index = 0; index < mib; index++) {
      block.writeUInt32LE(index, 0)
      hash.update(block)
      yield Buffer.from(block)
    }
  }
  await pipeline(Readable.from(blocks()), createWriteStream(file))
  return hash.digest('hex')
}

export function watchMemory(pid: number) {
  let highest = 0
  const look = setInterval(() => {
    const kib = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    highest = Math.max(highest, Number(kib) * 1024)
  }, 50)
  return { highest: () => highest, stop: () => clearInterval(look) }
}

export async function prepare(server: SpawnedServer) {
  const headers = await login(server.url)
  await post(server, '/products', headers, { key: 'panel' })
  const device = { key: 'board', id: BOARD.id, product: 'panel', credentials: { iotaap: { token: BOARD.token } } }
  await post(server, '/devices', headers, device)
  return headers
}

export async function post(
  server: SpawnedServer,
  path: string,
  headers: Record<string, string>,
  body: unknown,
): Promise<void> {
  const reply = await fetch(`${server.url}/api/godwit/v1${path}`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  expect(reply.ok, await reply.text()).toBe(true)
}

export interface Uploaded {
  readonly id: string
  readonly file: { readonly sha256: string }
}

export function upload(
  url: string,
  what: { file: string; headers: Record<string, string>; form?: boolean },
): Promise<Uploaded> {
  const boundary = '----large-firmware'
  const type = what.form ? `multipart/form-data; boundary=${boundary}` : 'application/octet-stream'
  const head = `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="large.bin"\r\ncontent-type: application/octet-stream\r\n\r\n`
  const body = async function* () {
    if (what.form) yield Buffer.from(head)
    yield* createReadStream(what.file, { highWaterMark: MIB })
    if (what.form) yield Buffer.from(`\r\n--${boundary}--\r\n`)
  }
  return new Promise((resolve, reject) => {
    const sending = request(url, { method: 'POST', headers: { ...what.headers, 'content-type': type } }, (reply) => {
      let text = ''
      reply.on('data', (chunk) => {
        text += chunk
      })
      reply.on('end', () => (reply.statusCode === 201 ? resolve(JSON.parse(text)) : reject(new Error(text))))
    })
    pipeline(Readable.from(body()), sending).catch(reject)
  })
}

export function download(url: string, headers: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, { headers, agent: false }, (reply) => {
      const hash = createHash('sha256')
      reply.on('data', (chunk) => hash.update(chunk))
      reply.on('end', () => resolve(hash.digest('hex')))
      reply.on('error', reject)
    }).on('error', reject)
  })
}
