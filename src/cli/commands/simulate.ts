import type { Command } from 'commander'
import { connect } from '../client/connect.ts'
import { usage } from '../exit.ts'
import { withExamples } from '../options/examples.ts'
import { withServer } from '../options/online.ts'
import { Options } from '../options/options.ts'
import { optional, whole, within } from '../simulate/read-values.ts'
import { readSimulation, withSimulation } from '../simulate/simulate-options.ts'

export function addSimulateCommand(program: Command): void {
  const command = withSimulation(
    program
      .command('simulate')
      .description('a rollout among simulated devices: how many a bad release reaches, and why it stops'),
  )
    .option('--hours <hours>', 'virtual time at which to give up', '72')
    .option('--threads <n>', 'seeds at one time; as many as there are processors unless given')
    .option('--real', 'real time: devices on sockets, and a server that is running; one seed')
    .option('--concurrency <n>', 'with --real: devices that talk at one time', '64')
    .option('--minutes <minutes>', 'with --real: when to give up', '30')
    .option('--export <file>', 'write everything there: JSON, or one line for each seed in a .csv')
    .option('--json', 'everything as JSON')
    .action(() => simulate(new Options(command.opts())))
  withServer(command)
  withExamples(
    command,
    'godwit simulate --failure-rate 5% --failures silent --seeds 20',
    'godwit simulate --devices 50000 --rare-revision 0.02:1 --export runs.json',
    'godwit simulate --failure-rate 5% --gate threshold:5 --stages 1,10,50,100 --soak-seconds 3600',
    'godwit simulate --real --server http://127.0.0.1:8080 --devices 200 --failure-rate 20% --confirm-seconds 30',
  )
}

async function simulate(options: Options): Promise<void> {
  const simulation = readSimulation(options)
  const wanted = { json: options.flag('json'), exportTo: options.text('export') }
  if (options.flag('real')) return simulateOnServer(options, simulation, wanted)
  const threads = optional(options, 'threads', () => whole(options, 'threads', [1, 64]))
  const hours = within('--hours', Number(options.text('hours')), [0.1, 10_000])
  const { simulateVirtually } = await import('../simulate/simulate-virtually.ts')
  await simulateVirtually(simulation, { ...wanted, threads, hours })
}

async function simulateOnServer(
  options: Options,
  simulation: ReturnType<typeof readSimulation>,
  wanted: { json: boolean; exportTo: string | undefined },
): Promise<void> {
  if (simulation.seeds.length > 1) throw usage('--real: one seed at a time')
  const concurrency = whole(options, 'concurrency', [1, 10_000])
  const minutes = within('--minutes', Number(options.text('minutes')), [0.1, 10_000])
  const { simulateReally } = await import('../simulate/simulate-really.ts')
  const session = await connect(
    {
      server: options.text('server'),
      token: options.text('token'),
      email: options.text('email'),
      organisation: options.text('organisation'),
    },
    process.env,
  )
  try {
    await simulateReally(session.api, simulation, { ...wanted, concurrency, minutes })
  } finally {
    await session.close()
  }
}
