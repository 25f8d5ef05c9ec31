import { DEFAULT_CORE_LIMITS } from '../../core/limits.ts'
import { DEFAULT_HTTP_LIMITS } from '../../protocols/http/limits.ts'
import { DEFAULT_S3_LIMITS } from '../../storage/blob/s3/s3-settings.ts'
import { DEFAULT_DATABASE_LIMITS } from '../../storage/sql/database-limits.ts'
import { DEFAULTS, SETTINGS } from './settings.ts'

const CORE_MEANINGS: Record<keyof typeof DEFAULT_CORE_LIMITS, string> = {
  loginFailures: 'wrong passwords in a row before an account is locked',
  lockSeconds: 'how long a locked account stays locked, seconds',
  firmwareBytes: 'largest firmware file, bytes',
  devicesPerOrganisation: 'devices of one organisation',
  retrySeconds: 'pause after a failed update before the same assignment is offered again, seconds; doubles each time',
  retryMaxSeconds: 'longest such pause, seconds',
  penaltyFailures:
    'updates of a device that fail in a row, of its last 20, before it is left alone for a while; 0 = never',
  penaltySeconds: 'how long it is left alone then, seconds; doubles with each further failure',
  penaltyMaxSeconds: 'longest such time, seconds',
  inferSeconds: 'over protocols without reports: quiet time after a download that counts as installed, seconds',
  updateOfferedSeconds: 'an offer that no device takes up fails after so long, seconds; 0 = never',
  updateDownloadingSeconds:
    'an update fails after so long without news while its bytes are fetched, seconds; 0 = never',
  updateDownloadedSeconds: 'the same while its bytes wait to be installed, seconds; 0 = never',
  updateInstallingSeconds: 'the same while it is installed, seconds; 0 = never',
  updateCancellingSeconds:
    'a cancellation that the device does not confirm counts as confirmed after so long, seconds; 0 = never',
  reportMemorySeconds: 'how long a report that a device names is recognised when it comes again, seconds',
  labels: 'tags or attributes of one device or firmware',
  labelChars: 'characters of one tag or attribute',
  rotationOverlapSeconds: 'how long a rotated token lives on, seconds',
  blobGraceSeconds: 'how long bytes without a reference are kept, seconds',
  eventDays: 'how long events are kept, days',
  updateDays: 'how long closed updates are kept, days',
  dataFileDays: 'how long data files of devices are kept, days',
  dataFileBytes: 'largest data file, bytes',
  dataFilesPerDevice: 'data files of one device',
  rolloutsPerProduct:
    'running and paused rollouts of one product, without those that name their devices; each burdens every poll, at most 1000',
  rolloutsPerDevice: 'running and paused rollouts that name one and the same device; at most 1000',
  floorsPerOrganisation: 'floors of one organisation',
  webhooksPerOrganisation: 'webhooks of one organisation',
  webhookTimeoutSeconds: 'a webhook that has not answered after so long has failed, seconds',
  webhookFirstRetrySeconds: 'pause after the first failed delivery, seconds; doubles with each failure in a row',
  webhookMaxRetrySeconds: 'longest such pause, seconds',
  webhookRetrySeconds: 'an event that could not be delivered for so long becomes a dead letter, seconds',
  webhookPauseAfter: 'events given up in a row before the server stops delivering to a webhook',
  deadLetterDays: 'how long dead letters are kept, days',
  planSeconds: 'the plan of a rollout gives up after so long, and says how far it came, seconds',
  plansAtOnce: 'plans that one process works out at one time',
  silentDays: 'a device that was not seen for so long counts as silent in plans, days',
  confirmationSeconds: 'how long a token that confirms a change which starts updates is good, seconds',
  clockStepSeconds:
    'a step of the system clock by more than 30 s is held back until it has lasted so long, seconds; 0 = never held back',
  jobLeaseSeconds:
    'background jobs on PostgreSQL: another node goes on with those of a node that fell silent after so long, seconds',
  pollCacheDevices: 'devices whose facts are held in memory for polls',
  waitingTransactions:
    'transactions under way or waiting at one time, and so many reports; more are refused (Retry-After) before memory grows',
}

const HTTP_MEANINGS: Record<keyof typeof DEFAULT_HTTP_LIMITS, string> = {
  jsonBodyBytes: 'largest JSON or form body, bytes',
  headerBytes: 'all header fields of a request together, bytes; more is answered 431',
  headerTimeoutMs: 'from the first byte of a request to the end of its head, ms; later is answered 408',
  keepAliveTimeoutMs: 'an idle connection is closed after so long, ms',
  bodyIdleTimeoutMs: 'an upload that delivers no byte for so long is given up, ms',
  bodyProgressBytes: 'a body of which less than this comes in `bodyProgressMs` is refused, bytes',
  bodyProgressMs: 'see `bodyProgressBytes`, ms; 0 = never',
  downloadIdleTimeoutMs: 'a download whose client takes no byte for so long is cut, ms',
  downloadMaxDurationMs: 'the longest that one download may last, ms',
  downloadsAtOnce: 'downloads that run at one time; more are told to come again; 0 = no limit',
  egressBytesPerSecond: 'all downloads together, bytes a second, shared evenly; 0 = no limit',
  downloadBytesPerSecond: 'one download, bytes a second; 0 = no limit',
  downloadMinBytesPerSecond:
    'under `egressBytesPerSecond` no download is begun that would get less, bytes a second: it is told to come again',
  downloadProgressBytes: 'a download whose client takes less than this in `downloadProgressMs` is cut, bytes',
  downloadProgressMs: 'see `downloadProgressBytes`, ms; 0 = never',
  downloadRetrySeconds: 'a download that is told to come again may do so after this or up to 30 s more, seconds',
  hotBytes: 'firmware files that are kept in memory, all together, bytes; 0 = none',
  hotFileBytes: 'largest file that is kept in memory, bytes',
  hotIdleMs: 'a file in memory that nobody fetches for so long is let go, ms',
  connections: 'connections at one time',
  ranges: 'ranges in one request; more and the header is ignored',
  firmwareBytes: 'largest firmware file that an upload may have, bytes',
  multipartFields: 'text parts of one multipart form',
  multipartFiles: 'file parts of one multipart form',
  multipartFieldBytes: 'one text part, bytes',
  multipartHeaderBytes: 'header of one part, bytes',
  discardBytes: 'what is still read of an upload that was refused, bytes',
  discardMs: 'how long that may take, ms',
  pathParameterChars: 'characters of a path parameter; longer is not found',
  eventStreams: 'streams of events at one time',
  eventStreamsPerOrganisation: 'streams of events at one time of one organisation',
  eventHeartbeatMs: 'a stream of events in which nothing happens says so after so long, ms',
  eventStallMs: 'a stream of events whose reader takes no byte for so long is ended, ms',
  eventPollMs: 'events that other processes recorded are seen so late at most, ms',
}

const DATABASE_MEANINGS: Record<keyof typeof DEFAULT_DATABASE_LIMITS, string> = {
  poolSize: 'connections for transactions and reads of polls; two more are for lists and searches, one for changes',
  changePollMs: 'what other processes changed is read at least so often, ms; mostly a notification comes first',
  changeTrustMs:
    'a process that did not get to know of the others’ changes for so long answers nothing from memory, ms: the longest that an answer may be behind',
}

const S3_MEANINGS: Record<keyof typeof DEFAULT_S3_LIMITS, string> = {
  partBytes: 'size of the parts in which files are uploaded, bytes; at least 5 MiB',
  partBuffers: 'parts in memory at one time, of all uploads of a process together',
  attempts:
    'tries of one call before it has failed, with growing pauses; and tries in a row of a read that brings nothing',
  connectTimeoutMs: 'a connection that is not made after so long has failed, ms',
  idleTimeoutMs: 'a call in which no byte moves for so long has failed, ms',
  callTimeoutMs: 'the longest that one call may last with all its tries, until its answer begins, ms',
  deleteTimeoutMs: 'the same for deleting, ms: the database waits for it',
  connections: 'connections to S3 at one time; each download that passes through the server holds one',
  leftoverHours: 'uploads that were begun and not ended are removed from the bucket after so long, hours',
  checkSeconds: 'how long a good answer of the readiness check is good, seconds',
  redirectSeconds: 'how long an address that is handed out is good, seconds',
}

/** The configuration reference as Markdown: every setting and every limit, with its default. */
export function configurationReference(): string {
  const settings = SETTINGS.map(({ name, env, flag, meaning }) => {
    const value = (DEFAULTS as Record<string, unknown>)[name]
    const shown = value === undefined ? '' : `\`${Array.isArray(value) ? value.join(',') : value}\``
    return `| \`${env}\` | ${flag === undefined ? '' : `\`--${flag}\``} | \`${name}\` | ${shown} | ${meaning} |`
  })
  const limits = (defaults: object, meanings: Record<string, string>) =>
    Object.entries(defaults).map(([name, value]) => `| \`${name}\` | ${value} | ${meanings[name]} |`)
  return `# Configuration

Flag, then environment, then \`godwit.yaml\` in the data directory, then the default. \`godwit config\` prints the effective
values with secrets masked.

| environment | flag | in godwit.yaml | default | meaning |
|---|---|---|---|---|
${settings.join('\n')}

\`GODWIT_TRUSTED_PROXIES\` takes addresses, networks and the word \`loopback\`. With PostgreSQL the master key must be given.

## Limits of the domain

In \`godwit.yaml\` under \`limits:\`.

| name | default | meaning |
|---|---|---|
${limits(DEFAULT_CORE_LIMITS, CORE_MEANINGS).join('\n')}

## Limits of the HTTP edge

In \`godwit.yaml\` under \`http:\`.

| name | default | meaning |
|---|---|---|
${limits(DEFAULT_HTTP_LIMITS, HTTP_MEANINGS).join('\n')}

## Database

In \`godwit.yaml\` under \`database:\`, for PostgreSQL; what the memories of several processes may answer is told in
[operations](operations.md#several-processes).

| name | default | meaning |
|---|---|---|
${limits(DEFAULT_DATABASE_LIMITS, DATABASE_MEANINGS).join('\n')}

## Files in S3

In \`godwit.yaml\` under \`s3:\`. Which bucket, where: \`GODWIT_BLOBS\`, as
\`s3://bucket/prefix?endpoint=https://s3.example.com&region=eu-central-1&pathStyle=true\`; without an endpoint it is Amazon's,
with one the bucket goes into the path unless \`pathStyle=false\`. See [operations](operations.md#files-in-s3).

| name | default | meaning |
|---|---|---|
${limits(DEFAULT_S3_LIMITS, S3_MEANINGS).join('\n')}
| \`redirect\` | false | send devices that ask for it to S3 itself, for the bytes of firmware that is not private |
| \`redirectEndpoint\` |  | the address under which devices reach S3, where it is another than the server's |

## Webhooks

In \`godwit.yaml\` under \`webhooks:\`.

| name | default | meaning |
|---|---|---|
| \`allowPrivate\` | false | send also to loopback, private and link-local addresses; for receivers on the server's own network |

## Protocols

Each protocol has a block of its own in \`godwit.yaml\` (\`iotaap:\`, \`spokeZone:\`, \`enos:\`, \`native:\`); its page in
[protocols/](protocols/) lists what can be set.
`
}
