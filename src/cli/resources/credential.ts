import type { Command } from 'commander'
import { type JsonObject, textAt } from '../client/json.ts'
import { usage } from '../exit.ts'
import { withExamples } from '../options/examples.ts'
import { type Call, online } from '../options/online.ts'
import { gather, labelsOf } from '../options/options.ts'
import { note, print, printJson } from '../output/print.ts'
import { firstLineOfInput } from '../prompt.ts'

/** How each protocol's credential calls its secret; a scheme without has only public facts. */
const SECRET_MEMBER: Readonly<Record<string, string | undefined>> = {
  native: 'token',
  iotaap: 'token',
  'spoke-zone': undefined,
  enos: 'secret',
  hawkbit: 'targetToken',
}

export const SCHEMES = Object.keys(SECRET_MEMBER)

export const CREDENTIAL_COLUMNS = ['scheme', 'details', 'isRecoverable', 'expiresAt', 'createdAt', 'id']

export interface SetCredential {
  /** `set` ends the old credential at once, `rotate` lets it live on for a while. */
  readonly name: 'set' | 'rotate'
  readonly argument: readonly [string, string]
  readonly schemes: readonly string[]
  readonly path: (call: Call, scheme: string) => string
  readonly examples: readonly string[]
}

const MEANING = {
  set: 'give a credential; one of the same scheme ends at once',
  rotate: 'make a new secret; the old one stays good for a day, or for --overlap seconds',
}

/** `credential set` and `credential rotate`: a secret that is not given is made up and shown once. */
export function setCredential(parent: Command, verb: SetCredential): void {
  const command = parent
    .command(verb.name)
    .description(MEANING[verb.name])
    .argument(...verb.argument)
    .argument('<scheme>', verb.schemes.join(', '))
    .option('--secret <text>', 'the secret; made up unless given')
    .option('--secret-stdin', 'take the secret from the first line of standard input')
    .option('--value <name=value>', 'another member, such as cpuId=c-1; may be repeated', gather)
  if (verb.name === 'rotate') command.option('--overlap <seconds>', 'how long the old secret stays good')
  online(command, async (call) => {
    const scheme = call.args[1] ?? ''
    if (!verb.schemes.includes(scheme)) throw usage(`<scheme>: must be one of ${verb.schemes.join(', ')}`)
    const body = await bodyOf(call, verb.name, scheme)
    show(call, await call.api.send('PUT', verb.path(call, scheme), { body }))
  })
  withExamples(command, ...verb.examples)
}

async function bodyOf({ options }: Call, name: 'set' | 'rotate', scheme: string): Promise<Record<string, unknown>> {
  const secret = options.flag('secretStdin') ? await firstLineOfInput() : options.text('secret')
  const member = SECRET_MEMBER[scheme]
  if (secret !== undefined && member === undefined) throw usage(`${scheme} has no secret; give --value instead`)
  const overlapSeconds = name === 'set' ? 0 : options.number('overlap', '--overlap')
  return {
    ...labelsOf(options.list('value'), '--value'),
    ...(secret !== undefined && member !== undefined && { [member]: secret }),
    ...(overlapSeconds !== undefined && { overlapSeconds }),
  }
}

function show({ json }: Call, answer: JsonObject): void {
  const secret = textAt(answer, 'secret')
  const scheme = textAt(answer, 'credential.scheme')
  if (json) printJson(answer)
  else print(secret === '' ? `${scheme} is set` : secret)
  // Only what is kept as a hash alone cannot be shown again.
  const again = scheme === 'native' ? 'it is shown only now' : '"godwit device credential reveal" shows it again'
  if (secret !== '') note(`The secret was made up; ${again}.`)
}
