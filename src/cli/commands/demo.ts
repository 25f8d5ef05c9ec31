import type { Command } from 'commander'
import { withExamples } from '../options/examples.ts'

export function addDemoCommand(program: Command): void {
  const command = program
    .command('demo')
    .description('a fresh server with simulated devices of every protocol, updating for real')
    .option('--once', 'stop when every device is done; exit 0 only if each runs the target bytes')
    .option('--port <port>', 'port to listen on; 0 picks a free one', '0')
    .action(async (options: { once?: boolean; port: string }) => {
      const { runDemo } = await import('../demo/run-demo.ts')
      await runDemo({ once: options.once ?? false, port: Number(options.port), out: process.stdout })
    })
  withExamples(command, 'godwit demo', 'godwit demo --once')
}
