import type { FastifyInstance } from 'fastify'
import type { Auth } from './auth.ts'
import { failingWith } from './errors.ts'
import { readText } from './schema.ts'

/** The login; everything else of the account API needs its token. [iotaap 2] */
export function accountRoutes(scope: FastifyInstance, auth: Auth): void {
  scope.post(
    '/v1/auth/login',
    failingWith('Error when logging in', async (request, reply) => {
      const email = readText(request.body, 'email')
      const password = readText(request.body, 'password')
      const result =
        email === undefined || password === undefined ? ({ kind: 'wrong' } as const) : await auth.login(email, password)
      if (result.kind === 'wrong') return reply.code(401).send({ error: 'Login or password is wrong' })
      return reply.send({ user: result.user, token: result.token })
    }),
  )
}
