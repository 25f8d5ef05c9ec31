import type { Command } from 'commander'
import { CommandFailure } from '../exit.ts'
import { withExamples } from '../options/examples.ts'
import { configOf, withSettings } from '../options/settings.ts'
import { print, printJson } from '../output/print.ts'

export function addDoctorCommand(program: Command): void {
  const command = withSettings(program.command('doctor'))
    .description('look at everything that a server needs; exit 1 when something fails')
    .option('--json', 'JSON for programs')
    .action(async (options: { json?: boolean } & Record<string, string>) => {
      const { examine } = await import('../../server/maintenance/doctor.ts')
      const findings = await examine({
        config: () => configOf(options),
        nodeVersion: process.version,
        now: Date.now(),
      })
      const failed = findings.filter(({ verdict }) => verdict === 'fail').length
      if (options.json) printJson({ ok: failed === 0, findings })
      else for (const { verdict, check, detail } of findings) print(`${verdict.padEnd(4)}  ${check}: ${detail}`)
      if (failed > 0) throw new CommandFailure(`${failed} of ${findings.length} checks failed`)
    })
  withExamples(command, 'godwit doctor --data /var/lib/godwit')
}
