import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { type Block, blocksOf } from './markdown.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const GODWIT = `"${process.execPath}" "${join(root, 'bin/godwit.cjs')}"`
const AS_SHOWN = 'npm run -s godwit --'

/** The `sh` blocks of a page, run as a reader would: the first starts a server, the others follow in a second terminal. */
export class PageRun {
  readonly #blocks: readonly Block[]
  readonly #folder: string
  readonly #server: ChildProcess
  readonly #url: string

  private constructor(of: { blocks: readonly Block[]; folder: string; server: ChildProcess; url: string }) {
    this.#blocks = of.blocks
    this.#folder = of.folder
    this.#server = of.server
    this.#url = of.url
  }

  /** Starts the server of a page, on a free port, in a new folder with the examples. `path` is below the repository. */
  static async start(path: string): Promise<PageRun> {
    const blocks = blocksOf(join(root, path)).filter((block) => block.language === 'sh')
    const folder = mkdtempSync(join(tmpdir(), 'godwit-page-'))
    symlinkSync(join(root, 'examples'), join(folder, 'examples'))
    const serve = blocks[0]?.text.replace(AS_SHOWN, `exec ${GODWIT}`).replace(/^(\w+=\S+) exec/, 'export $1; exec')
    const server = spawn('bash', ['-c', `${serve} --port 0`], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] })
    if (!server.stdout) throw new Error('no standard output')
    for await (const line of createInterface({ input: server.stdout }))
      return new PageRun({ blocks, folder, server, url: String(JSON.parse(line).url) })
    throw new Error('the server has not started')
  }

  get headings(): string[] {
    return [...new Set(this.#blocks.map((block) => block.heading))]
  }

  /** Runs every block but the first; what was printed under a heading. */
  run(): { status: number | null; output: string; under(heading: string): string } {
    const script = this.#blocks
      .slice(1)
      .map(({ heading, text }) => `echo '@@ ${heading.replaceAll("'", '')}'\n${text}`)
      .join('\n')
      .replaceAll(AS_SHOWN, GODWIT)
      .replaceAll('http://127.0.0.1:8080', this.#url)
    const { status, stdout, stderr } = spawnSync('bash', ['-euo', 'pipefail', '-c', script], {
      cwd: this.#folder,
      encoding: 'utf8',
      env: { ...process.env, XDG_CONFIG_HOME: join(this.#folder, 'config') },
    })
    const under = (heading: string) =>
      stdout
        .split('@@ ')
        .filter((part) => part.startsWith(heading.replaceAll("'", '')))
        .join('\n')
    return { status, output: `${stdout}\n${stderr}`, under }
  }

  stop(): void {
    this.#server.kill('SIGTERM')
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
