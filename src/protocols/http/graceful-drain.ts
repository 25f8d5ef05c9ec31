import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { onArrival } from './on-arrival.ts'

export interface Drain {
  /** True from the first call of `drain` on: readiness should say no. */
  isDraining(): boolean
  /**
   * Stops accepting connections, closes idle ones and waits until those with a request under way have been answered;
   * every answer begun meanwhile says `connection: close`. After `limitMs` the rest is cut. Resolves with whether all
   * ended by themselves; further calls share the first one's result. Close the app afterwards.
   */
  drain(limitMs: number): Promise<{ readonly finished: boolean }>
}

const LOOK_EVERY_MS = 50

/** Prepares an app for draining; call before routes are registered. `onBegin` ends requests that only wait. */
export function prepareDrain(app: FastifyInstance, onBegin: () => void = () => undefined): Drain {
  let draining: Promise<{ readonly finished: boolean }> | undefined
  watchUnused(app.server)
  onArrival(app, (_request, reply) => {
    if (draining !== undefined) reply.raw.setHeader('connection', 'close')
    return undefined
  })
  return {
    isDraining: () => draining !== undefined,
    drain(limitMs) {
      if (draining === undefined) {
        draining = drainServer(app.server, limitMs)
        onBegin()
      }
      return draining
    },
  }
}

/**
 * A connection whose answer began before the server closes turns idle without closing itself, and one that was opened and
 * not used yet counts as busy: the server alone would wait until their clients lose patience.
 */
export function closeIdleUntilClosed(server: FastifyInstance['server']): void {
  const look = () => {
    server.closeIdleConnections()
    for (const socket of unused.get(server) ?? []) if (socket.bytesRead === 0) socket.destroy()
  }
  const looks = setInterval(look, LOOK_EVERY_MS)
  server.once('close', () => clearInterval(looks))
}

/** Connections without a request so far. */
const unused = new WeakMap<FastifyInstance['server'], Set<Socket>>()

function watchUnused(server: FastifyInstance['server']): void {
  const sockets = new Set<Socket>()
  unused.set(server, sockets)
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('request', ({ socket }: IncomingMessage) => sockets.delete(socket))
}

function drainServer(server: FastifyInstance['server'], limitMs: number): Promise<{ readonly finished: boolean }> {
  return new Promise((resolve) => {
    let finished = true
    closeIdleUntilClosed(server)
    const limit = setTimeout(() => {
      finished = false
      server.closeAllConnections()
    }, limitMs)
    server.close(() => {
      clearTimeout(limit)
      resolve({ finished })
    })
    server.closeIdleConnections()
  })
}
