import { join } from 'node:path'
import { expect } from 'vitest'
import { type CommandOptions, type CommandResult, runCommand } from './run-command.ts'
import { OWNER } from './spawn-server.ts'

/** The command as one operator uses it: a home of its own for the login, one server, one folder to stand in. */
export interface CommandLine {
  /** Runs it to its end, whatever that is. */
  run(args: readonly string[], options?: CommandOptions): Promise<CommandResult>
  /** Standard output of one that must succeed. */
  out(...args: string[]): Promise<string>
  /** With `--json`, parsed; must succeed. */
  json(...args: string[]): Promise<Record<string, unknown>>
}

/** `folder` is where it stands and where its login is kept. */
export function commandLine(folder: string, env: Readonly<Record<string, string>> = {}): CommandLine {
  const run = (args: readonly string[], options: CommandOptions = {}) =>
    runCommand(args, {
      cwd: folder,
      ...options,
      env: { XDG_CONFIG_HOME: join(folder, 'config'), GODWIT_PASSWORD: OWNER.password, ...env, ...options.env },
    })
  const out = async (...args: string[]) => {
    const { code, stdout, stderr } = await run(args)
    expect(code, `godwit ${args.join(' ')}\n${stderr}`).toBe(0)
    return stdout
  }
  return { run, out, json: async (...args) => JSON.parse(await out(...args, '--json')) as Record<string, unknown> }
}
