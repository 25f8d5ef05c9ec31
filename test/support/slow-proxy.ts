import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

export interface SlowProxy {
  readonly url: string
  /** First lines of the requests that came through. */
  readonly requests: readonly string[]
  /** Cuts the next connection, in the middle, once so many bytes of answers came through it. */
  cutNextAfter(bytes: number): void
  /** Limits what comes through each connection; undefined = no limit. */
  limit(bytesPerSecond: number | undefined): void
  close(): Promise<void>
}

const PIECE = 8192

/** A network as devices have it: slow, and broken off in the middle. Plain TCP on a free loopback port. */
export async function slowProxy(target: string): Promise<SlowProxy> {
  const { hostname, port } = new URL(target)
  const requests: string[] = []
  const sockets = new Set<Socket>()
  let cutAfter: number | undefined
  let bytesPerSecond: number | undefined

  async function carry(client: Socket, upstream: Socket): Promise<void> {
    const cut = cutAfter
    let through = 0
    for await (const chunk of upstream)
      for (let at = 0; at < chunk.length; at += PIECE) {
        const piece = chunk.subarray(at, at + PIECE)
        if (cut !== undefined && through + piece.length > cut) {
          cutAfter = undefined
          client.end()
          upstream.destroy()
          return
        }
        through += piece.length
        if (client.destroyed) return
        client.write(piece)
        if (bytesPerSecond !== undefined) await delay((piece.length * 1000) / bytesPerSecond)
      }
    client.end()
  }

  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => sockets.delete(socket))
    }
    client.on('data', (chunk) => {
      const [, line] = /^([A-Z]+ \/[^\r\n]*) HTTP\/1\.1\r\n/.exec(chunk.toString('latin1')) ?? []
      const range = /\r\nrange: ([^\r\n]+)/i.exec(chunk.toString('latin1'))?.[1]
      if (line !== undefined) requests.push(range === undefined ? line : `${line} ${range}`)
    })
    client.pipe(upstream)
    client.on('close', () => upstream.destroy())
    carry(client, upstream).catch(() => client.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    cutNextAfter: (bytes) => {
      cutAfter = bytes
    },
    limit: (rate) => {
      bytesPerSecond = rate
    },
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
