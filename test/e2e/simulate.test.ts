import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { commandLine } from '../support/command-line.ts'
import { OWNER, spawnServer } from '../support/spawn-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const folder = await temporaryFolder()
const godwit = commandLine(folder.path)
afterAll(() => folder.remove())

describe('godwit simulate', () => {
  it('shows the blast radius and exports it, the same for the same seed', async () => {
    const args = ['simulate', '--devices', '300', '--failure-rate', '20%', '--failures', 'silent', '--seeds', '3']
    const first = JSON.parse(await godwit.out(...args, '--json', '--export', 'runs.json'))
    expect(first.summary).toMatchObject({ seeds: 3, devices: 300, stopped: 3 })
    expect(first.results.map((one: { seed: number }) => one.seed)).toEqual([1, 2, 3])
    expect(JSON.parse(readFileSync(join(folder.path, 'runs.json'), 'utf8'))).toEqual(first)
    const again = JSON.parse(await godwit.out(...args, '--json', '--threads', '1'))
    expect(again.results).toEqual(first.results)
    await godwit.out(...args, '--export', 'runs.csv')
    expect(readFileSync(join(folder.path, 'runs.csv'), 'utf8').trim().split('\n')).toHaveLength(4)
  })

  it('says it in words', async () => {
    const text = await godwit.out('simulate', '--devices', '100', '--failure-rate', '1')
    expect(text).toContain('Blast radius: 10 devices were answered with the release.')
    expect(text).toMatch(/Seed 1: \d of 10 devices that hold the release failed already/)
  })

  it('refuses what the engine refuses as wrong usage', async () => {
    const { code, stderr } = await godwit.run(['simulate', '--devices', '10', '--stages', '50,10'])
    expect([code, stderr]).toEqual([2, expect.stringContaining('godwit: stages[1].percent: must be more than 50')])
    expect(stderr).not.toContain('    at ')
  })

  it('runs real devices against a real server', async () => {
    const server = await spawnServer({ data: join(folder.path, 'data') })
    const as = ['--server', server.url, '--email', OWNER.email]
    try {
      const env = { GODWIT_PASSWORD: OWNER.password }
      const made = await godwit.run(['organisation', 'create', 'sim', ...as], { env })
      expect([made.code, made.stderr]).toEqual([0, expect.any(String)])
      const given = ['--devices', '60', '--poll-seconds', '1', '--confirm-seconds', '10', '--organisation', 'sim']
      const bad = ['--failure-rate', '1', '--failures', '0.5', '--roll-backs', '0.5', '--mix', 'native=2,enos=1']
      const { code, stdout, stderr } = await godwit.run(['simulate', '--real', ...as, ...given, ...bad, '--json'], {
        env,
      })
      expect([code, stderr]).toEqual([0, expect.stringContaining('has begun')])
      const result = JSON.parse(stdout)
      expect(result).toMatchObject({ devices: 60, state: 'stopped', why: expect.stringContaining('failed') })
      expect(result.reached).toBeLessThanOrEqual(10)
      expect(result.answered).toBe(result.reached)
    } finally {
      await server.stop()
    }
  })
})
