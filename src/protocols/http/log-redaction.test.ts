import { Writable } from 'node:stream'
import fastify from 'fastify'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { OtaError } from '../../core/errors.ts'
import { createLogRedaction } from './log-redaction.ts'

test('neither URL, header nor error text brings a secret into the log', async () => {
  let log = ''
  const sink = new Writable({
    write(chunk, _encoding, done) {
      log += chunk
      done()
    },
  })
  const { redact, serializers, hooks } = createLogRedaction({
    redactions: [/(\/download\/[0-9a-f]{24})[^/?\s]*/],
    headers: ['x-access-token'],
  })
  const app = fastify({ loggerInstance: pino({ redact, serializers, hooks }, sink) })
  app.get('/download/:id', (request) => {
    request.log.info({ headers: request.headers }, 'headers')
    request.log.info({ parserOptions: { headers: request.headers } }, 'headers of a plugin')
    request.log.info(`plain ${request.url}`)
    request.log.info('from %s', request.url)
    request.log.error(new Error(`bare ${request.url}`))
    throw new OtaError('internal', `Cannot serve ${request.url}`, { cause: new Error(`at ${request.url}`) })
  })
  await app.inject({
    url: '/download/0123456789abcdef01234567SECRET?token=SECRET&sessionId=SECRET',
    headers: { authorization: 'Bearer SECRET', 'x-access-token': 'SECRET', cookie: 'a=SECRET', accept: 'kept/header' },
  })
  expect(log).toContain('/download/0123456789abcdef01234567***')
  expect(log).toContain('kept/header')
  expect(log).toContain('"code":"internal"')
  expect(log).toMatch(/"msg":"plain \/download\/.*"msg":"from \/download\/.*"msg":"bare \/download\//s)
  expect(log).not.toContain('SECRET')
})
