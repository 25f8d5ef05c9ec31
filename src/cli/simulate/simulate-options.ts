import { type Command, Option } from 'commander'
import { DEFAULT_FAILURES, type FailureModel } from '../../simulator/virtual/fate.ts'
import { type FleetMix, VIRTUAL_PROTOCOLS, type VirtualProtocol } from '../../simulator/virtual/fleet-kinds.ts'
import type { VirtualRun } from '../../simulator/virtual/virtual-rollout.ts'
import { usage } from '../exit.ts'
import type { Options } from '../options/options.ts'
import { optional, percent, share, shareOf, whole, within } from './read-values.ts'

/** What both kinds of simulation are told: which fleet, how it fails, and how the rollout is gated. */
export interface Simulation {
  readonly mix: FleetMix
  readonly failures: FailureModel
  readonly choice: NonNullable<VirtualRun['choice']>
  /** Mean seconds between two questions of a device; undefined: the default of the kind of simulation. */
  readonly pollSeconds: number | undefined
  readonly seeds: readonly number[]
  /** In words, for the head of a report. */
  readonly words: string
}

const MOST_DEVICES = 1_000_000

export function withSimulation(command: Command): Command {
  return command
    .option('--devices <n>', `size of the fleet, 1 to ${MOST_DEVICES}`, '5000')
    .option('--mix <protocol=weight,...>', `protocols of the devices: ${VIRTUAL_PROTOCOLS.join(', ')}`, 'native=1')
    .option('--failure-rate <share>', 'share of the devices on which the release fails: 0.05 or 5%', '0.01')
    .option('--failures <how>', 'reported, silent, or the share of the failing devices that falls silent', 'reported')
    .option('--roll-backs <share>', 'share of the reporting failures that go back to the old version', '0')
    .option('--rare-revision <share:rate>', 'a hardware revision of its own failure rate: 0.02:1')
    .option('--seed <n>', 'the first seed; the same seed gives the same devices and fates', '1')
    .option('--seeds <n>', 'how many seeds', '1')
    .addOption(new Option('--gate <gate>', 'default, off, threshold (5 %), or threshold:PERCENT').default('default'))
    .option('--stages <percent,...>', 'stages by percent of the fleet: 1,10,50,100; one stage unless given')
    .option('--soak-seconds <seconds>', 'least time of each stage', '0')
    .option('--confirm-seconds <seconds>', 'T: how long a device has to confirm the release')
    .option('--acceptable-failure-rate <share>', 'p0: up to here the release counts as good')
    .option('--poll-seconds <seconds>', 'mean time between two questions of a device')
    .option('--install-seconds <seconds>', 'mean time that an installation takes', `${DEFAULT_FAILURES.installSeconds}`)
}

export function readSimulation(options: Options): Simulation {
  const mix = readMix(options)
  const failures = readFailures(options)
  const gate = options.text('gate') ?? 'default'
  const how = failures.silentShare === 0 ? 'reported' : failures.silentShare === 1 ? 'silent' : options.text('failures')
  const rare =
    mix.rare && `, ${percent(mix.rare.share ?? 0)} of them of a revision that fails on ${percent(mix.rare.failureRate)}`
  const first = whole(options, 'seed', [0, 2 ** 31 - 1])
  const count = whole(options, 'seeds', [1, 100_000])
  const pollSeconds = optional(options, 'poll-seconds', (text) => within('--poll-seconds', Number(text), [0.01, 1e7]))
  return {
    mix,
    failures,
    choice: readChoice(options, gate),
    pollSeconds,
    seeds: Array.from({ length: count }, (_, index) => first + index),
    words: `${mix.devices.toLocaleString('en-US')} devices (${options.text('mix')}), a release that fails on ${percent(mix.failureRate)}, ${how}${rare ?? ''}; gate: ${gate}`,
  }
}

function readMix(options: Options): FleetMix {
  const rare = options.text('rareRevision')
  return {
    devices: whole(options, 'devices', [1, MOST_DEVICES]),
    failureRate: share(options, 'failure-rate'),
    protocols: protocolsOf(options.required('mix', '--mix')),
    ...(rare !== undefined && { rare: rareOf(rare) }),
  }
}

function readFailures(options: Options): FailureModel {
  const how = options.required('failures', '--failures')
  const silentShare = how === 'reported' ? 0 : how === 'silent' ? 1 : shareOf('--failures', how)
  const installSeconds = within('--install-seconds', Number(options.text('installSeconds')), [0, 1e7])
  return { ...DEFAULT_FAILURES, silentShare, rollBackShare: share(options, 'roll-backs'), installSeconds }
}

function readChoice(options: Options, gate: string): Simulation['choice'] {
  const p0 = optional(options, 'acceptable-failure-rate', (text) => shareOf('--acceptable-failure-rate', text))
  const confirm = optional(options, 'confirm-seconds', (text) => within('--confirm-seconds', Number(text), [10, 1e7]))
  const stages = options.text('stages')
  const soakSeconds = whole(options, 'soak-seconds', [0, 31_536_000])
  return {
    health: {
      ...modeOf(gate),
      ...(p0 !== undefined && { acceptableFailureRate: p0 }),
      ...(confirm !== undefined && { confirmSeconds: confirm }),
    },
    ...(stages !== undefined && {
      stages: stages.split(',').map((text) => ({ percent: Number(text.replace('%', '')), soakSeconds })),
    }),
  }
}

function modeOf(gate: string): Pick<NonNullable<Simulation['choice']['health']>, 'mode'> {
  const [name, text = '5'] = gate.split(':')
  if (gate === 'default') return {}
  if (gate === 'off') return { mode: 'off' }
  const most = Number(text.replace('%', ''))
  if (name !== 'threshold' || !(most > 0 && most <= 100))
    throw usage(`--gate: "${gate}" is none of default, off, threshold and threshold:PERCENT`)
  return { mode: { kind: 'threshold', percent: most } }
}

function protocolsOf(text: string): Partial<Record<VirtualProtocol, number>> {
  const parts = text.split(',').map((part): [VirtualProtocol, number] => {
    const [name = '', weight = '1'] = part.split('=')
    const protocol = VIRTUAL_PROTOCOLS.find((one) => one === name)
    if (!protocol) throw usage(`--mix: "${name}" is none of ${VIRTUAL_PROTOCOLS.join(', ')}`)
    return [protocol, within('--mix', Number(weight), [Number.MIN_VALUE, 1e9])]
  })
  return Object.fromEntries(parts)
}

function rareOf(text: string): NonNullable<FleetMix['rare']> {
  const [part = '', rate = '1'] = text.split(':')
  return { share: shareOf('--rare-revision', part), failureRate: shareOf('--rare-revision', rate) }
}
