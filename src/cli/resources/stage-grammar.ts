import { usage } from '../exit.ts'
import { readSeconds } from '../options/duration.ts'

/** A stage as the API takes it. */
export type StageBody = Readonly<Record<string, unknown>>

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']

/** What may follow the commas, each with how its value is read. */
const OPTIONS: Readonly<Record<string, (value: string, what: string) => StageBody>> = {
  soak: (value, what) => ({ soakSeconds: readSeconds(value, what) }),
  threshold: (value, what) => ({ successThreshold: percentOf(value, what) }),
  matured: (value, what) => ({ minMatured: wholeOf(value, what) }),
  approvals: (value, what) => ({ approvals: wholeOf(value, what) }),
  concurrency: (value, what) => ({ concurrency: wholeOf(value, what) }),
  rate: (value, what) => ({ ratePerMinute: wholeOf(value, what) }),
  spread: (value, what) => ({ spreadSeconds: readSeconds(value, what) }),
  window: windowOf,
  days: () => ({}),
}

export const STAGE_HELP =
  '5%, 10 (the first devices to ask) or group:pilot+lab, then options behind commas: soak=1h, threshold=95, matured=20, ' +
  'approvals=1, concurrency=50, rate=100 (a minute), window=02:00-05:00 (@device, or @Europe/Vienna), days=sat+sun, spread=30m'

/** One stage of the command line: `5%,soak=1h,approvals=1`. Throws wrong usage, naming the part. */
export function parseStage(text: string): StageBody {
  const [reach = '', ...parts] = text.split(',').map((part) => part.trim())
  const stage: Record<string, unknown> = { ...reachOf(reach, text) }
  const given = new Map<string, string>()
  for (const part of parts) {
    const [name = '', value = ''] = split(part, '=')
    if (!Object.hasOwn(OPTIONS, name))
      throw usage(`--stage ${text}: "${name}" is not one of ${Object.keys(OPTIONS).join(', ')}`)
    if (given.has(name)) throw usage(`--stage ${text}: ${name} is given twice`)
    given.set(name, value)
    Object.assign(stage, OPTIONS[name]?.(value, `--stage ${text}: ${name}`))
  }
  const days = given.get('days')
  return days === undefined ? stage : withDays(stage, days, text)
}

function reachOf(reach: string, text: string): StageBody {
  if (/^\d+(\.\d+)?%$/.test(reach)) return { percent: Number(reach.slice(0, -1)) }
  if (/^\d+$/.test(reach)) return { count: wholeOf(reach, `--stage ${text}`) }
  if (/^group:./.test(reach)) return { groups: reach.slice('group:'.length).split('+') }
  throw usage(`--stage ${text}: begins with none of 5%, 10 and group:KEY`)
}

/** Without a zone it is the rollout's. */
function windowOf(value: string, what: string): StageBody {
  const [times = '', zone] = split(value, '@')
  const [from, to] = split(times, '-')
  if (!from || !to || !/^\d\d:\d\d$/.test(from) || !/^\d\d:\d\d$/.test(to))
    throw usage(`${what}: "${value}" is not a time of day to another, such as 02:00-05:00`)
  return { window: { kind: 'daily', from, to, ...(zone !== undefined && { zone }) } }
}

function withDays(stage: StageBody, days: string, text: string): StageBody {
  const window = stage['window']
  if (typeof window !== 'object' || window === null) throw usage(`--stage ${text}: days need a window`)
  const named = days.split('+')
  for (const day of named)
    if (!DAYS.includes(day)) throw usage(`--stage ${text}: "${day}" is not one of ${DAYS.join(', ')}`)
  return { ...stage, window: { ...window, days: named } }
}

function percentOf(value: string, what: string): number {
  if (!/^\d+(\.\d+)?%?$/.test(value)) throw usage(`${what}: "${value}" is not a share such as 95`)
  return Number(value.replace('%', ''))
}

function wholeOf(value: string, what: string): number {
  const number = Number(value)
  if (!/^\d+$/.test(value) || !Number.isSafeInteger(number)) throw usage(`${what}: "${value}" is not a whole number`)
  return number
}

/** The text before and behind the first sign; behind it undefined where there is none. */
function split(text: string, sign: string): [string, string?] {
  const at = text.indexOf(sign)
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}
