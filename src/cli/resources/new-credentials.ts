import type { Command } from 'commander'
import { usage } from '../exit.ts'
import { gather, labelsOf, type Options } from '../options/options.ts'

/** Options that give a new device its credentials; without a value the secret is made up. */
export function withCredentials(command: Command): void {
  command
    .option('--native [token]', 'bearer token for Godwit\u2019s own protocol')
    .option('--iotaap [token]', 'IoTaaP token, 12 letters or digits')
    .option('--spoke-zone <name=value>', 'Spoke.Zone: cpuId=…, uuid=… and perhaps id=…; repeat it', gather)
    .option('--enos [secret]', 'EnOS device secret')
    .option('--enos-device-key <key>', 'EnOS device key; the key unless given')
    .option('--enos-asset-id <id>', 'EnOS asset id; the id unless given')
    .option('--hawkbit [token]', 'hawkBit target token')
    .option('--hawkbit-controller-id <id>', 'hawkBit controller id; the key unless given')
}

/** `{ credentials }` as the API takes it, or nothing. */
export function credentialsBody(options: Options): { credentials?: Readonly<Record<string, unknown>> } {
  const enosNames = members({ deviceKey: options.text('enosDeviceKey'), assetId: options.text('enosAssetId') })
  const hawkbitNames = members({ controllerId: options.text('hawkbitControllerId') })
  const credentials = members({
    native: secret(options, 'native', 'token'),
    iotaap: secret(options, 'iotaap', 'token'),
    spokeZone: spokeZone(options.list('spokeZone')),
    enos: named(secret(options, 'enos', 'secret'), enosNames, '--enos'),
    hawkbit: named(secret(options, 'hawkbit', 'targetToken'), hawkbitNames, '--hawkbit'),
  })
  return Object.keys(credentials).length === 0 ? {} : { credentials }
}

function secret(options: Options, name: string, member: string): Record<string, string> | undefined {
  if (options.flag(name)) return {}
  const text = options.text(name)
  return text === undefined ? undefined : { [member]: text }
}

function named(
  credential: Record<string, string> | undefined,
  names: Readonly<Record<string, unknown>>,
  flag: string,
): Record<string, unknown> | undefined {
  if (credential) return { ...credential, ...names }
  if (Object.keys(names).length > 0) throw usage(`${flag} is needed with the names of that credential`)
  return undefined
}

function spokeZone(pairs: readonly string[]): Record<string, unknown> | undefined {
  if (pairs.length === 0) return undefined
  const { id, ...rest } = labelsOf(
    pairs.flatMap((pair) => pair.split(',')),
    '--spoke-zone',
  )
  return { ...rest, ...(id !== undefined && { id: Number(id) }) }
}

/** Without those that are undefined. */
function members(given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}
