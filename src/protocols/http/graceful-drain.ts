import type { FastifyInstance } from 'fastify'

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
  app.addHook('onRequest', (_request, reply, done) => {
    if (draining !== undefined) reply.raw.setHeader('connection', 'close')
    done()
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

function drainServer(server: FastifyInstance['server'], limitMs: number): Promise<{ readonly finished: boolean }> {
  return new Promise((resolve) => {
    let finished = true
    // A connection whose answer began before draining turns idle without closing itself, hence the repeated look.
    const look = setInterval(() => server.closeIdleConnections(), LOOK_EVERY_MS)
    const limit = setTimeout(() => {
      finished = false
      server.closeAllConnections()
    }, limitMs)
    server.close(() => {
      clearInterval(look)
      clearTimeout(limit)
      resolve({ finished })
    })
    server.closeIdleConnections()
  })
}
