import { Command, CommanderError } from 'commander'
import { isOtaError } from '../server/errors.ts'
import { VERSION } from '../server/version.ts'
import { ServerRefusal } from './client/problem.ts'
import { addAgentCommand } from './commands/agent.ts'
import { addApplyCommand } from './commands/apply.ts'
import { addBackupCommands } from './commands/backup.ts'
import { addBlobsCommands } from './commands/blobs.ts'
import { addConfigCommand } from './commands/config.ts'
import { addDemoCommand } from './commands/demo.ts'
import { addDoctorCommand } from './commands/doctor.ts'
import { addKeyCommands } from './commands/key.ts'
import { addLoginCommands } from './commands/login.ts'
import { addMigrateCommand } from './commands/migrate.ts'
import { addServeCommand } from './commands/serve.ts'
import { addSimulateCommand } from './commands/simulate.ts'
import { CommandFailure, EXIT } from './exit.ts'
import { addAccessKeyCommands } from './resources/access-key.ts'
import { addAccountCommands } from './resources/account.ts'
import { addAssignmentCommands } from './resources/assignment.ts'
import { addDataFileCommands } from './resources/data-file.ts'
import { addDeviceCommands } from './resources/device.ts'
import { addEventCommands } from './resources/event.ts'
import { addFirmwareCommands } from './resources/firmware.ts'
import { addFloorCommands } from './resources/floor.ts'
import { addGroupCommands } from './resources/group.ts'
import { addOrganisationCommands } from './resources/organisation.ts'
import { addModuleCommands, addProductCommands } from './resources/product.ts'
import { addReleaseCommands } from './resources/release.ts'
import { addRolloutCommands } from './resources/rollout.ts'
import { addServerCommands } from './resources/server.ts'
import { addTokenCommands } from './resources/token.ts'
import { addUpdateCommands } from './resources/update.ts'
import { addWebhookCommands } from './resources/webhook.ts'

/** Runs the command and sets the process's exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  endWithReader()
  try {
    await createProgram().parseAsync([...argv], { from: 'user' })
  } catch (error) {
    process.exitCode = report(error, { asJson: argv.includes('--json') })
  }
}

/** `godwit device export | head`: who reads no further wants no more, and that is no failure. */
function endWithReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT.done)
    throw error
  })
}

/** The whole command tree; nothing runs until it is parsed. */
export function createProgram(): Command {
  const program = new Command('godwit')
    .description('Self-hosted over-the-air firmware updates for devices that speak somebody else\u2019s protocol')
    .version(VERSION)
    .showHelpAfterError()
    .exitOverride()
    // An option after a command is the command's own: `firmware push --version`.
    .enablePositionalOptions()
  for (const { title, commands } of GROUPS) {
    program.commandsGroup(title)
    for (const add of commands) add(program)
  }
  return program
}

/** The commands as the help shows them. */
const GROUPS: ReadonlyArray<{ title: string; commands: ReadonlyArray<(program: Command) => void> }> = [
  { title: 'Running a server:', commands: [addServeCommand, addDemoCommand, addConfigCommand, addDoctorCommand] },
  {
    title: 'Its data, on the server itself:',
    commands: [addMigrateCommand, addBackupCommands, addBlobsCommands, addKeyCommands],
  },
  { title: 'Devices, real and virtual:', commands: [addAgentCommand, addSimulateCommand] },
  { title: 'A server from anywhere:', commands: [addLoginCommands, addApplyCommand, addServerCommands] },
  {
    title: 'Things, over the management API:',
    commands: [
      addOrganisationCommands,
      addProductCommands,
      addModuleCommands,
      addDeviceCommands,
      addGroupCommands,
      addFirmwareCommands,
      addFloorCommands,
      addReleaseCommands,
      addAssignmentCommands,
      addRolloutCommands,
      addUpdateCommands,
      addEventCommands,
      addWebhookCommands,
      addDataFileCommands,
      addAccountCommands,
      addTokenCommands,
      addAccessKeyCommands,
    ],
  },
]

function report(error: unknown, { asJson }: { asJson: boolean }): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage
  if (error instanceof ServerRefusal && asJson) {
    console.error(JSON.stringify(error.problem))
    return error.exitCode
  }
  if (error instanceof CommandFailure) {
    console.error(`godwit: ${error.message}`)
    return error.exitCode
  }
  // A refusal, or what the machine says (a full disk, a port in use) needs no stack; anything else is a fault of ours.
  console.error(isOtaError(error) || isOfTheMachine(error) ? `godwit: ${error.message}` : error)
  return EXIT.failed
}

function isOfTheMachine(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && ('syscall' in error || ('code' in error && error.code === 'ERR_SQLITE_ERROR'))
}
