import { z } from 'zod'
import type { Serial } from '../core/common.ts'
import {
  DeviceImport,
  type ImportCounts,
  type ImportFault,
  type ImportRow,
  type PlannedRow,
} from '../core/device/device-import.ts'
import { isOtaError, OtaError } from '../core/errors.ts'
import { rawBody } from '../protocols/http/request-body.ts'
import { confirmationView, confirmQuery } from './confirm-starts.ts'
import { readCredentials } from './credential-schemes.ts'
import { type DeviceLine, type LineFormat, readLines } from './device-lines.ts'
import { deviceBody } from './devices.ts'
import { ApiError } from './errors.ts'
import { flagQuery } from './fields.ts'
import { ImportStarts } from './import-starts.ts'
import type { ProblemError } from './problem.ts'
import { type OrganisationCall, organisationRoute } from './route.ts'

/** Devices per transaction. */
const CHUNK = 1000
/** Bad lines that are told; the rest is counted. */
const TOLD_FAULTS = 1000
/** Largest file of an import that is all or nothing: it is held until every line is checked. */
export const IMPORT_BYTES = 64 * 2 ** 20

const faultView = z.strictObject({ line: z.int(), code: z.string(), pointer: z.string(), detail: z.string() })

const importView = z.strictObject({
  dryRun: z.boolean(),
  mode: z.enum(['all', 'chunks']),
  lines: z.int().describe('Devices in the file'),
  created: z.int(),
  updated: z.int(),
  skipped: z.int(),
  failed: z.int().describe('Bad lines, and with mode=chunks the good ones of their chunks'),
  starts: confirmationView.nullable().describe('Updates that it would start, to be confirmed; null: none'),
  errors: z.array(faultView).describe(`The first ${TOLD_FAULTS} bad lines`),
})

type ImportReport = z.output<typeof importView>

export const deviceImportRoutes = [
  organisationRoute('operator', {
    id: 'devices.import',
    method: 'POST',
    path: '/devices/import',
    summary: 'Many devices at once, as NDJSON or CSV',
    description: `A line of NDJSON has the shape of \`POST /devices\`, and \`key\` is needed; so is every secret. CSV has columns of the same names (\`tags.site\`, \`iotaap.token\`, \`enos.secret\`, ...), an empty cell is an absent member.
\`mode=all\` (default): every line is checked first, and nothing is written when one is bad (422 \`import-refused\` with line numbers); files of at most ${IMPORT_BYTES / 2 ** 20} MiB. \`mode=chunks\`: files of any length, written ${CHUNK} devices at a time; a chunk with a bad line is left out whole.
With \`onExisting=update\`, devices that are there are changed: where that would start updates of running rollouts, an import with \`mode=all\` is refused whole (409 \`confirmation-needed\`), and one with \`mode=chunks\` leaves out the chunks that would, unless \`confirm\` has the token of that refusal, of the report or of a dry run.
Devices are written ${CHUNK} per transaction. Should somebody take a name between check and write, the answer is 409 and \`facts\` says what was written by then; repeat with \`onExisting=skip\` or \`update\`.`,
    mode: 'free',
    input: 'raw',
    consumes: ['application/x-ndjson', 'text/csv'],
    query: {
      format: z.enum(['ndjson', 'csv']).optional().describe('By Content-Type unless given; NDJSON where neither tells'),
      mode: z.enum(['all', 'chunks']).default('all'),
      onExisting: z
        .enum(['error', 'skip', 'update'])
        .default('error')
        .describe('Keys that are there already: refuse the line, leave the device, or change it to the line'),
      dryRun: flagQuery.default(false).describe('Check every line and write nothing'),
      ...confirmQuery,
    },
    reply: importView,
    async handle(call, { query }) {
      const { request, context } = call
      if (context.imports.isRunning)
        throw new OtaError('too-many', 'An import is under way; one runs at a time.', {
          details: { retryAfterSeconds: 5 },
        })
      context.imports.isRunning = true
      try {
        const format = query.format ?? (/\bcsv\b/i.test(request.headers['content-type'] ?? '') ? 'csv' : 'ndjson')
        return await new ImportRun(call, { ...query, format }).run()
      } finally {
        context.imports.isRunning = false
      }
    },
  }),
]

interface ImportOptions {
  readonly format: LineFormat
  readonly mode: 'all' | 'chunks'
  readonly onExisting: 'error' | 'skip' | 'update'
  readonly dryRun: boolean
  readonly confirm?: string | undefined
}

class ImportRun {
  readonly #call: OrganisationCall
  readonly #options: ImportOptions
  readonly #import: DeviceImport
  readonly #starts: ImportStarts
  readonly #serials = new Map<string, Promise<Serial | undefined>>()
  readonly #faults: ImportFault[] = []
  #lines = 0
  #failed = 0
  #counts: ImportCounts = { created: 0, updated: 0, skipped: 0 }

  constructor(call: OrganisationCall, options: ImportOptions) {
    this.#call = call
    this.#options = options
    this.#import = new DeviceImport(call.core.deps, call.scope, options.onExisting)
    this.#starts = new ImportStarts(call, { ...options, confirm: options.confirm })
  }

  async run(): Promise<ImportReport> {
    const { mode, dryRun } = this.#options
    const planned: PlannedRow[][] = []
    for await (const lines of this.#chunks()) {
      const rows = await this.#check(lines)
      if (dryRun || mode === 'all') await this.#starts.note(rows)
      if (dryRun) this.#foresee(rows)
      else if (mode === 'all') planned.push(rows)
      else if (rows.length !== lines.length) this.#failed += rows.length
      else if (await this.#starts.mayWrite(rows)) await this.#write(rows)
      else this.#leaveOut(rows)
    }
    if (mode === 'all' && !dryRun) {
      if (this.#failed > 0) throw this.#refusal()
      const fresh = planned.flat().filter((row) => row.existing === undefined).length
      await this.#import.requireRoom(this.#call.stores, fresh)
      await this.#starts.require()
      for (const rows of planned) await this.#write(rows)
    }
    const starts = dryRun || mode === 'chunks' ? await this.#starts.view() : null
    return { dryRun, mode, lines: this.#lines, ...this.#counts, failed: this.#failed, starts, errors: this.#told() }
  }

  async *#chunks(): AsyncGenerator<DeviceLine[]> {
    const { request, context } = this.#call
    const isBounded = this.#options.mode === 'all'
    const bytes = rawBody(request.raw, {
      maxBytes: isBounded ? IMPORT_BYTES : Number.MAX_SAFE_INTEGER,
      idleTimeoutMs: context.host.limits.bodyIdleTimeoutMs,
    })
    let chunk: DeviceLine[] = []
    for await (const line of readLines(this.#starts.read(bytes), this.#options.format)) {
      chunk.push(line)
      if (chunk.length < CHUNK) continue
      yield chunk
      chunk = []
    }
    if (chunk.length > 0) yield chunk
  }

  /** The rows of a chunk that can be taken; notes what is wrong with the others. */
  async #check(lines: readonly DeviceLine[]): Promise<PlannedRow[]> {
    this.#lines += lines.length
    const rows: ImportRow[] = []
    for (const line of lines) {
      const row = await this.#read(line)
      if ('fault' in row) this.#note(row.fault)
      else rows.push(row)
    }
    const { planned, faults } = await this.#import.check(this.#call.stores, rows)
    for (const fault of faults) this.#note(fault)
    return planned
  }

  async #read(given: DeviceLine): Promise<ImportRow | { fault: ImportFault }> {
    const { line } = given
    const fault = (field: string, reason: string) => ({ fault: { line, code: 'invalid', field, reason } })
    if ('fault' in given) return fault('', given.fault)
    const parsed = deviceBody.safeParse(given.value)
    if (!parsed.success) {
      const [issue] = parsed.error.issues
      return fault(issue?.path.join('.') ?? '', issue?.message ?? 'is invalid')
    }
    const { key, number, product, group, status, credentials, aliases, ...plain } = parsed.data
    if (key === undefined) return fault('key', 'is needed')
    try {
      const read = readCredentials(credentials ?? {}, null)
      const serial = number ?? read.number
      return {
        line,
        status: status ?? 'active',
        input: {
          ...plain,
          key,
          ...(product !== undefined && { product: await this.#serial('product', product) }),
          ...(group !== undefined && { group: await this.#serial('group', group) }),
          ...(serial !== undefined && { serial }),
          aliases: { ...aliases, ...read.aliases },
          credentials: read.credentials,
        },
      }
    } catch (error) {
      if (!isOtaError(error)) throw error
      return fault(String(error.details['field'] ?? ''), String(error.details['reason'] ?? error.message))
    }
  }

  /** The serial behind a key or id; each is looked up once. */
  async #serial(kind: 'product' | 'group', reference: string | null): Promise<Serial | null> {
    if (reference === null) return null
    const name = `${kind}/${reference}`
    const { stores, organisation } = this.#call
    const store = kind === 'product' ? stores.products : stores.groups
    const look = async () =>
      (
        (await store.findByKey(organisation.serial, reference)) ??
        (await store.findById(organisation.serial, reference))
      )?.serial
    const looked = this.#serials.get(name) ?? look()
    this.#serials.set(name, looked)
    const serial = await looked
    if (serial === undefined)
      throw new OtaError('invalid', `${kind} does not exist`, { details: { field: kind, reason: 'does not exist' } })
    return serial
  }

  async #write(rows: readonly PlannedRow[]): Promise<void> {
    try {
      this.#add(await this.#import.write(rows))
    } catch (error) {
      if (!isOtaError(error, 'conflict') && !isOtaError(error, 'limit-reached')) throw error
      const details = { ...error.details, ...this.#counts, firstLine: rows[0]?.line, lastLine: rows.at(-1)?.line }
      throw new OtaError(error.code, `Changed meanwhile: ${error.message}`, { details, cause: error })
    }
  }

  #foresee(rows: readonly PlannedRow[]): void {
    const met = rows.filter((row) => row.existing !== undefined).length
    const isUpdate = this.#options.onExisting === 'update'
    this.#add({ created: rows.length - met, updated: isUpdate ? met : 0, skipped: isUpdate ? 0 : met })
  }

  #add(counts: ImportCounts): void {
    const { created, updated, skipped } = this.#counts
    this.#counts = {
      created: created + counts.created,
      updated: updated + counts.updated,
      skipped: skipped + counts.skipped,
    }
  }

  /** A chunk that would start updates that nobody confirmed. */
  #leaveOut(rows: readonly PlannedRow[]): void {
    const reason = 'its chunk would start updates; repeat the import with the token to confirm them'
    this.#note({ line: rows[0]?.line ?? 0, code: 'confirmation-needed', field: '', reason })
    this.#failed += rows.length - 1
  }

  #note(fault: ImportFault): void {
    this.#failed += 1
    if (this.#faults.length < TOLD_FAULTS) this.#faults.push(fault)
  }

  #sortedFaults(): ImportFault[] {
    return this.#faults.toSorted((a, b) => a.line - b.line)
  }

  #told(): ImportReport['errors'] {
    return this.#sortedFaults().map(({ line, code, field, reason }) => ({
      line,
      code,
      pointer: pointerOf(field),
      detail: reason,
    }))
  }

  #refusal(): ApiError {
    const errors = this.#sortedFaults().map(
      ({ line, field, reason }): ProblemError => ({ in: 'body', line, pointer: pointerOf(field), detail: reason }),
    )
    const facts = { lines: this.#lines, failed: this.#failed }
    return new ApiError('import-refused', `${this.#failed} of ${this.#lines} lines are bad; nothing was written.`, {
      errors,
      facts,
    })
  }
}

function pointerOf(field: string): string {
  return field === '' ? '' : `/${field.replaceAll('.', '/')}`
}
