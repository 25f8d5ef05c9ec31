import { afterEach, describe, expect, it } from 'vitest'
import { type Enos, startEnos } from './fixture.ts'
import { expectOk, expectRefused, FIRMWARES, type Program, type Reply } from './program.ts'

/** What the core SDK sends: 256 encrypted bytes, which nobody here can read. */
const OPAQUE = Buffer.alloc(256, 7).toString('base64')
const REFUSED = 'Denied resource:  core SDK access is not enabled'

describe('core SDK', () => {
  let enos: Enos
  afterEach(() => enos[Symbol.asyncDispose]())

  async function start(config: Readonly<Record<string, unknown>> = {}): Promise<Program> {
    enos = await startEnos({ config })
    return enos.program
  }

  async function proofOf(program: Program): Promise<string> {
    const { accessKeys } = enos.server.core
    const accessKey = await accessKeys.findByKey(program.options.key)
    return `${program.options.key}:${await accessKeys.issueProof(enos.tenant.scope, accessKey?.id ?? '')}`
  }

  function callWith(
    program: Program,
    headers: Readonly<Record<string, string>>,
    query = 'action=search&orgId=org1',
  ): Promise<Reply> {
    const all = { 'apim-accesstoken': OPAQUE, ...headers }
    return program.send({ method: 'POST', url: `${FIRMWARES}?${query}`, headers: all, payload: '{}' })
  }

  it('row 16: mode off, with or without a proof', async () => {
    const program = await start()
    expect(OPAQUE).toHaveLength(344)
    expectRefused(await callWith(program, {}), 99403, REFUSED)
    expectRefused(await callWith(program, { 'x-godwit-proof': await proofOf(program) }), 99403, REFUSED)
  })

  it('row 16: mode off, but the three signed headers in the place of the opaque one', async () => {
    const program = await start()
    expectOk(await program.search('search', {}))
  })

  it('row 16: mode on, no proof and wrong ones', async () => {
    const program = await start({ coreSdk: true })
    const proof = await proofOf(program)
    const without = await enos.newProgram()
    const wrong = [
      undefined,
      '',
      'x',
      `${proof}x`,
      proof.split(':')[1] ?? '',
      `nobody:${proof.split(':')[1]}`,
      `${without.options.key}:`,
      `${without.options.key}:${proof.split(':')[1]}`,
      `${program.options.key}:${program.options.secret}`,
    ]
    for (const one of wrong)
      expectRefused(await callWith(program, one === undefined ? {} : { 'x-godwit-proof': one }), 99403, REFUSED)
    const accessKey = await enos.server.core.accessKeys.findByKey(program.options.key)
    await enos.server.core.accessKeys.update(enos.tenant.scope, accessKey?.id ?? '', { disabled: true })
    expectRefused(await callWith(program, { 'x-godwit-proof': proof }), 99403, REFUSED)
  })

  it('row 16: mode on, with the proof: organisations and permissions are those of the credential', async () => {
    const program = await start({ coreSdk: true })
    const { firmware } = await enos.newFirmware('1.0')
    await enos.newTenant('org2')
    const headers = { 'x-godwit-proof': await proofOf(program) }
    expect(expectOk(await callWith(program, headers))).toHaveLength(1)
    expectRefused(await callWith(program, headers, 'action=search&orgId=org2'), 99403, 'Denied resource:  orgId org2')
    const reader = await enos.newProgram({ permissions: ['read'] })
    const reading = { 'x-godwit-proof': await proofOf(reader) }
    const remove = `action=delete&orgId=org1&firmwareId=${firmware.id}`
    expectOk(await callWith(program, reading))
    expectRefused(await callWith(program, reading, remove), 99403, 'Denied resource:  orgId org1')
    expectOk(await callWith(program, headers, remove))
  })

  it('row 16: a new proof ends the one before', async () => {
    const program = await start({ coreSdk: true })
    const first = await proofOf(program)
    const second = await proofOf(program)
    expectRefused(await callWith(program, { 'x-godwit-proof': first }), 99403, REFUSED)
    expectOk(await callWith(program, { 'x-godwit-proof': second }))
  })

  it('row 16: the header is never logged', async () => {
    const program = await start({ coreSdk: true })
    const proof = await proofOf(program)
    await callWith(program, { 'x-godwit-proof': proof })
    await callWith(program, { 'x-godwit-proof': `${proof}x` })
    enos.server.app.log.info({ headers: { 'apim-accesstoken': OPAQUE, 'x-godwit-proof': proof } }, 'a request')
    const log = enos.server.log()
    expect(log).toContain('EnOS core SDK calls were refused')
    for (const secret of [OPAQUE, proof, proof.split(':')[1]]) expect(log).not.toContain(secret)
  })

  it('looks at no proof of an address that failed too often, until the minute is over', async () => {
    const program = await start({ coreSdk: true, proofFailuresPerMinute: 3 })
    const headers = { 'x-godwit-proof': await proofOf(program) }
    for (let failure = 0; failure < 3; failure += 1) {
      expectOk(await callWith(program, headers))
      expectRefused(await callWith(program, {}), 99403, REFUSED)
    }
    expectRefused(await callWith(program, headers), 99403, REFUSED)
    enos.server.clock.advance(60_000)
    expectOk(await callWith(program, headers))
  })

  it('takes a longer or shorter token without signature for an unsigned call', async () => {
    const program = await start({ coreSdk: true })
    for (const token of ['short', `${OPAQUE}A`])
      expectRefused(await callWith(program, { 'apim-accesstoken': token }), 1202)
  })
})
