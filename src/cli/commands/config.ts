import type { Command } from 'commander'
import { maskedConfig } from '../../server/config/load-config.ts'
import { withExamples } from '../options/examples.ts'
import { configOf, withSettings } from '../options/settings.ts'
import { printJson, printLines } from '../output/print.ts'
import { factLines } from '../output/table.ts'

export function addConfigCommand(program: Command): void {
  const command = withSettings(program.command('config'))
    .description('print the effective configuration; secrets are masked')
    .option('--json', 'JSON for programs')
    .action((options: { json?: boolean } & Record<string, string>) => {
      const config = maskedConfig(configOf(options))
      if (options.json) printJson(config)
      else printLines(factLines(config))
    })
  withExamples(command, 'godwit config', 'GODWIT_PORT=9000 godwit config --json')
}
