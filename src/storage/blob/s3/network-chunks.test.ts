import { randomBytes } from 'node:crypto'
import { Agent, createServer, get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { NetworkChunks } from './network-chunks.ts'

const BODY = randomBytes(8 * 2 ** 20)

let url: string
let close: () => Promise<void>
let agent: Agent
beforeEach(async () => {
  const server = createServer((_request, response) => response.end(BODY))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  agent = new Agent({ keepAlive: true, maxSockets: 1 })
  close = async () => {
    agent.destroy()
    await new Promise((resolve) => server.close(resolve))
  }
})
afterEach(() => close())

const ask = () => new Promise<IncomingMessage>((resolve, reject) => get(url, { agent }, resolve).once('error', reject))

/** The body as it was while each piece was the newest, and all the pieces as they are afterwards. */
async function read(answer: IncomingMessage): Promise<{ body: Buffer; pieces: Uint8Array[]; network: Uint8Array[] }> {
  const network: Uint8Array[] = []
  answer.socket.prependListener('data', (chunk) => network.push(chunk))
  const chunks = new NetworkChunks(answer)
  const [copies, pieces]: [Buffer[], Uint8Array[]] = [[], []]
  for await (const piece of answer as AsyncIterable<Uint8Array>) {
    chunks.next(piece)
    pieces.push(piece)
    copies.push(Buffer.from(piece))
  }
  return { body: Buffer.concat(copies), pieces, network }
}

test('an answer is whole, and hardly anything of it is left behind', async () => {
  const { body, pieces, network } = await read(await ask())
  expect(body.equals(BODY)).toBe(true)
  const left = (all: readonly Uint8Array[]) => all.reduce((sum, one) => sum + one.byteLength, 0)
  expect(left(pieces)).toBeLessThan(2 ** 20)
  expect(left(network)).toBeLessThan(2 ** 20)
})

test('answers that follow on the same connection are whole too', async () => {
  const sockets = new Set<unknown>()
  for (let count = 0; count < 3; count++) {
    const answer = await ask()
    sockets.add(answer.socket)
    const before = answer.socket.listenerCount('data')
    expect((await read(answer)).body.equals(BODY)).toBe(true)
    expect(before).toBeLessThanOrEqual(count + 1)
  }
  expect(sockets.size).toBe(1)
  const { body } = await read(await ask())
  expect(body.equals(BODY)).toBe(true)
})

test('one that is given up leaves nothing on the connection', async () => {
  const answer = await ask()
  const { socket } = answer
  const before = socket.listenerCount('data')
  const chunks = new NetworkChunks(answer)
  expect(socket.listenerCount('data')).toBe(before + 1)
  for await (const piece of answer as AsyncIterable<Uint8Array>) {
    chunks.next(piece)
    break
  }
  await expect.poll(() => socket.listenerCount('data')).toBeLessThanOrEqual(before)
})

test('pieces that are parts of what came from the network, or of anything else, are left alone', () => {
  const stream = new PassThrough()
  const chunks = new NetworkChunks(stream)
  const whole = Uint8Array.of(1, 2, 3, 4)
  chunks.next(whole.subarray(0, 2))
  chunks.next(whole.subarray(2))
  chunks.next(Uint8Array.of(5))
  expect([...whole]).toEqual([1, 2, 3, 4])
})
