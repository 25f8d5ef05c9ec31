import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/** What is done as a request arrives, before its body is read. `answered`: the step answers it, nothing follows. */
export type ArrivalStep = (request: FastifyRequest, reply: FastifyReply) => 'answered' | undefined

const known = new WeakMap<FastifyInstance, ArrivalStep[]>()

/**
 * Adds a step to those that every request of this app passes, also one that no route takes. All of them share one hook
 * without a promise, since each hook of the framework is paid for by every poll.
 */
export function onArrival(app: FastifyInstance, step: ArrivalStep): void {
  const steps = known.get(app)
  if (steps) {
    steps.push(step)
    return
  }
  const all = [step]
  known.set(app, all)
  app.addHook('onRequest', (request, reply, done) => {
    for (const one of all) if (one(request, reply) === 'answered') return
    done()
  })
}
