import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const main = join(fileURLToPath(new URL('../..', import.meta.url)), 'bin/godwit.cjs')

it('the demo ends with every device running the bytes of its source file', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'demo', '--once'], { encoding: 'utf8' })
  expect(status, `${stdout}\n${stderr}`).toBe(0)
  for (const protocol of ['iotaap', 'iotaap-esp8266', 'spoke-zone', 'spoke-zone-v1', 'enos', 'native'])
    expect(stdout).toMatch(new RegExp(`\\(${protocol}\\) rebooted`))
  expect(stdout).toContain('9 of 9 devices run the bytes of their source file on disk.')
})
