import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { uptime } from 'node:os'
import { resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Command } from 'commander'
import type { AgentOptions, Machine, VersionSource } from '../../agent/agent-options.ts'
import { CommandFailure, usage } from '../exit.ts'
import { withExamples } from '../options/examples.ts'
import { gather, Options } from '../options/options.ts'

const BOOT_ID = '/proc/sys/kernel/random/boot_id'

export function addAgentCommand(program: Command): void {
  const command = program
    .command('agent')
    .description('keep the modules of this Linux machine up to date, as a device of a Godwit server')
    .option('--server <url>', 'address of the server')
    .option('--token-file <file>', 'file with the device\u2019s token')
    .option('--module <key>', 'module that is installed here; may be repeated; main unless given', gather)
    .option(
      '--install-hook <command>',
      'installs GODWIT_FILE as GODWIT_VERSION of GODWIT_MODULE; may run again after a crash',
    )
    .option('--rollback-hook <command>', 'brings GODWIT_PREVIOUS_VERSION of GODWIT_MODULE back')
    .option('--version-file <file>', 'where the running version stands; {module} is replaced')
    .option('--version-command <command>', 'prints the running version of GODWIT_MODULE')
    .option('--state <folder>', 'folder of the agent\u2019s own, on a disk that survives a restart')
    .option(
      '--confirm <seconds>',
      'without a restart, a version that does not run so long after its installation goes back',
      '3600',
    )
    .option('--hook-timeout <seconds>', 'a hook that takes longer is killed', '1800')
    .option('--wait', 'hold the line between checks, to hear of changes at once')
    .option('--metered', 'traffic is dear: new updates are held back')
    .option('--boot-id <file>', 'file whose text changes with each start of the machine', BOOT_ID)
    .option('--once', 'one round: report, check, do what there is to do')
    .action(async () => {
      const options = new Options(command.opts())
      await runAgent(readOptions(options), { isOnce: options.flag('once'), bootId: options.text('bootId') ?? BOOT_ID })
    })
  withExamples(
    command,
    'godwit agent --server https://ota.example --token-file /etc/godwit/token --install-hook /etc/godwit/install --version-file /etc/app-version --state /var/lib/godwit-agent',
  )
}

function readOptions(options: Options): AgentOptions {
  const server = options.required('server', '--server')
  if (!/^https?:\/\/[^/]/.test(server)) throw usage('--server: must begin with http:// or https://')
  const rollbackHook = options.text('rollbackHook')
  const modules = options.list('module')
  return {
    server,
    token: readToken(options.required('tokenFile', '--token-file')),
    modules: modules.length === 0 ? ['main'] : modules,
    stateFolder: resolve(options.required('state', '--state')),
    installHook: options.required('installHook', '--install-hook'),
    ...(rollbackHook !== undefined && { rollbackHook }),
    version: versionSource(options),
    confirmSeconds: options.number('confirm', '--confirm') ?? 3600,
    hookSeconds: options.number('hookTimeout', '--hook-timeout') ?? 1800,
    isWaiting: options.flag('wait'),
    isMetered: options.flag('metered'),
  }
}

function versionSource(options: Options): VersionSource {
  const [file, command] = [options.text('versionFile'), options.text('versionCommand')]
  if (file !== undefined && command === undefined) return { file: resolve(file) }
  if (command !== undefined && file === undefined) return { command }
  throw usage('one of --version-file and --version-command is needed')
}

function readToken(path: string): string {
  try {
    const token = readFileSync(path, 'utf8').trim()
    if (/^[\x21-\x7e]+$/.test(token)) return token
  } catch (cause) {
    throw new CommandFailure(`--token-file: ${cause instanceof Error ? cause.message : ''}`, undefined, { cause })
  }
  throw new CommandFailure(`--token-file: ${path} holds no token`)
}

async function runAgent(options: AgentOptions, how: { isOnce: boolean; bootId: string }): Promise<void> {
  const { Agent } = await import('../../agent/agent.ts')
  const { CallFailure } = await import('../../agent/failures.ts')
  const { lockState } = await import('../../agent/state-lock.ts')
  const { makeFolder } = await import('../../agent/durable.ts')
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
  await makeFolder(options.stateFolder)
  const unlock = await lockState(options.stateFolder, process.pid).catch((error: Error) => {
    throw new CommandFailure(error.message, undefined, { cause: error })
  })
  try {
    const agent = await Agent.open(options, machineOf(how.bootId))
    if (how.isOnce) await agent.once(stop.signal)
    else await agent.run(stop.signal)
  } catch (error) {
    throw error instanceof CallFailure ? new CommandFailure(error.message, undefined, { cause: error }) : error
  } finally {
    await unlock()
  }
}

function machineOf(bootIdFile: string): Machine {
  const ownId = randomUUID()
  return {
    uptime,
    bootId() {
      try {
        return readFileSync(bootIdFile, 'utf8').trim()
      } catch {
        return ownId
      }
    },
    random: Math.random,
    uuid: randomUUID,
    async sleep(ms, signal) {
      await delay(ms, undefined, signal ? { signal } : {}).catch(() => undefined)
    },
    environment: process.env,
    log: (line) => console.error(line),
  }
}
