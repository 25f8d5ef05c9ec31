import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { blocksOf } from '../support/markdown.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const blocks = blocksOf(join(root, 'README.md')).filter((block) => block.language === 'sh')
const godwit = `"${process.execPath}" "${join(root, 'bin/godwit.cjs')}"`

/** What a reader sees when the commands under a heading have run. */
const EXPECTED: Readonly<Record<string, readonly (string | RegExp)[]>> = {
  'A tour of five minutes for each protocol': ['greenhouse-1', 'tracker-1', 'truck-17', 'turbine-7'],
  'Spoke.Zone': [/"version":"1.2.3".*"isActive":true/s, /"version":"1.3.0"/],
  IoTaaP: ['{"ver":"1.4.0"}', '{"message":"Firmware successfully deployed"}', '{"ver":"1.5.0"}'],
  EnOS: [/"code":0,"msg":"OK".*"version":"5.2.0"/s, 'command-payload', '5.2.0'],
  'Devices of your own': [/"action":"update".*"version":"1.1.0"/s, '"state":"installing"', '"because":"up-to-date"'],
  "Godwit's own API": ['update.succeeded', 'tracker-1'],
  'Moving a fleet here': [/skipped/i],
}

let folder: string
let url: string
let server: ReturnType<typeof spawn>

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'godwit-readme-'))
  symlinkSync(join(root, 'examples'), join(folder, 'examples'))
  const serve = blocks[0]?.text.replace('npm run -s godwit --', `exec ${godwit}`) ?? ''
  server = spawn('bash', ['-c', `${serve} --port 0`], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] })
  if (!server.stdout) throw new Error('no standard output')
  for await (const line of createInterface({ input: server.stdout })) {
    url = JSON.parse(line).url
    break
  }
})

afterAll(() => {
  server.kill('SIGTERM')
  rmSync(folder, { recursive: true, force: true })
})

describe('the README', () => {
  it('does what it says, command by command', () => {
    const headings = [...new Set(blocks.map((block) => block.heading))]
    expect(Object.keys(EXPECTED)).toEqual(headings)
    const script = blocks
      .slice(1)
      .map(({ heading, text }) => `echo '@@ ${heading.replaceAll("'", '')}'\n${text}`)
      .join('\n')
      .replaceAll('npm run -s godwit --', godwit)
      .replaceAll('http://127.0.0.1:8080', url)
    const { status, stdout, stderr } = spawnSync('bash', ['-euo', 'pipefail', '-c', script], {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, XDG_CONFIG_HOME: join(folder, 'config') },
    })
    expect(status, `${stdout}\n${stderr}`).toBe(0)
    for (const [heading, wanted] of Object.entries(EXPECTED))
      for (const one of wanted) expect(partOf(stdout, heading)).toMatch(one)
  })
})

/** What was printed under a heading. */
function partOf(output: string, heading: string): string {
  return output
    .split('@@ ')
    .filter((part) => part.startsWith(heading.replaceAll("'", '')))
    .join('\n')
}
