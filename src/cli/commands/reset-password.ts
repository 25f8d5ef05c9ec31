import type { Command } from 'commander'
import { EXIT } from '../exit.ts'
import { withExamples } from '../options/examples.ts'
import { refuseAs } from '../options/refuse-as.ts'
import { configOf, DATA_SETTINGS, withSettings } from '../options/settings.ts'
import { note, print, printJson } from '../output/print.ts'
import { firstLineOfInput } from '../prompt.ts'

interface Options {
  readonly json?: boolean
  readonly passwordStdin?: boolean
}

/** The way back in when nobody knows a password any more; needs the server's disk, not its API. */
export function addResetPassword(account: Command): void {
  const command = withSettings(account.command('reset-password'), DATA_SETTINGS)
    .argument('<email>', 'address of the account')
    .description('set a new password on the server itself and unlock the account; the server must be stopped')
    .option('--password-stdin', 'take the password from the first line of standard input; else one is made and printed')
    .option('--json', 'JSON for programs')
    .action(async (email: string, options: Options & Record<string, string>) => {
      const { resetPassword } = await import('../../server/maintenance/reset-password.ts')
      const given = options.passwordStdin ? await firstLineOfInput() : undefined
      const password = await resetPassword(configOf(options), email, given).catch(refuseAs({ invalid: EXIT.usage }))
      if (options.json) printJson({ email, ...(given === undefined && { password }) })
      else if (given === undefined) print(password)
      note(`${email} has a new password; its logins have ended and it is unlocked.`)
    })
  withExamples(
    command,
    'godwit account reset-password ops@example.com --data /var/lib/godwit',
    'pass show godwit | godwit account reset-password ops@example.com --password-stdin',
  )
}
