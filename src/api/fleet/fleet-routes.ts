import { z } from 'zod'
import type { BlobDigests } from '../../core/blobs.ts'
import type { Serial } from '../../core/common.ts'
import { invalid, OtaError } from '../../core/errors.ts'
import { keepBlob } from '../../core/firmware/keep-blob.ts'
import type { Organisation } from '../../core/organisation/organisation.ts'
import {
  type Confirming,
  changeOf,
  confirmationOf,
  requireConfirmation,
} from '../../core/rollout/preview/confirmation.ts'
import type { Starts } from '../../core/rollout/preview/starts.ts'
import { freeChunks } from '../../protocols/http/free-chunks.ts'
import { rawBody } from '../../protocols/http/request-body.ts'
import { isAdministrator, roleIn } from '../caller.ts'
import { confirmationView, confirmQuery } from '../confirm-starts.ts'
import { flagQuery } from '../fields.ts'
import { type AccountCall, accountRoute } from '../route.ts'
import { refuseStranger } from '../take-in.ts'
import { applyFleet } from './apply-fleet.ts'
import { FLEET_FILE_CHARS, parseFleetFile } from './parse-fleet-file.ts'

/** A receipt names bytes that are kept here; it is good for so long, seconds. */
const RECEIPT_SECONDS = 3_600
const RECEIPT = 'blob-receipt'

const digestsSchema = z.object({ sha256: z.string(), sha1: z.string(), md5: z.string(), size: z.int() })

const applyBody = z.strictObject({
  text: z.string().max(FLEET_FILE_CHARS).describe('The fleet file'),
  files: z.record(z.string(), z.string()).default({}).describe('Receipt of each file, by its path in the text'),
})

const changeView = z.strictObject({
  action: z.enum(['create', 'change', 'delete']),
  kind: z.string(),
  what: z.string().describe("Organisation key, then the thing's own"),
  fields: z.array(z.string()).exactOptional(),
})

const resultView = z.strictObject({
  changes: z.array(changeView).describe('Empty: the server is as the file describes it'),
  secrets: z
    .array(z.strictObject({ device: z.string(), scheme: z.string(), token: z.string() }))
    .describe('Made because the file gave none; shown this once'),
  warnings: z.array(z.string()),
  starts: confirmationView
    .nullable()
    .describe('Of a dry run: updates that it would start, to be confirmed; null: none'),
})

/** What `godwit apply` needs: bytes first, then one description in one transaction. */
export const fleetRoutes = [
  accountRoute('admin', {
    id: 'fleet.upload',
    method: 'POST',
    path: '/blobs',
    summary: 'Upload a file that a fleet description will name',
    description:
      'For owners of an organisation and server administrators. Nothing refers to the file yet: what no description uses is removed after a while.',
    mode: 'free',
    input: 'raw',
    consumes: ['application/octet-stream'],
    reply: z.strictObject({
      receipt: z.string().describe(`Stands for the file in POST /apply; good for ${RECEIPT_SECONDS / 60} minutes`),
      sha256: z.string(),
      size: z.int(),
    }),
    async handle(call) {
      requireOwner(call)
      const { core, request, context } = call
      const { limits } = context.host
      const maxBytes = Math.min(core.deps.limits.firmwareBytes, limits.firmwareBytes)
      const source = freeChunks(rawBody(request.raw, { maxBytes, idleTimeoutMs: limits.bodyIdleTimeoutMs }))
      const staged = await core.deps.blobs.stage(source, { maxBytes })
      try {
        await keepBlob(core.deps, staged)
        const { sha256, size } = staged.digests
        const claims = { ...staged.digests, account: call.caller.account.id }
        return { receipt: await core.deps.tokens.sign(RECEIPT, claims, RECEIPT_SECONDS), sha256, size }
      } finally {
        await staged.discard()
      }
    },
  }),

  accountRoute('admin', {
    id: 'fleet.apply',
    method: 'POST',
    path: '/apply',
    summary: 'Make the server as a fleet file describes it, in one transaction',
    description:
      'The body is `{"text": "<YAML>", "files": {"<path in the text>": "<receipt of POST /blobs>"}}`. All of it is applied or nothing; a second time changes nothing. A file of one organisation is for its owners; several organisations, or a new one, need a server administrator. What is refused names its line: `facts.line`. Where changes of devices would start updates of rollouts that run already, it is refused (409 `confirmation-needed`) unless `confirm` has the token of that refusal or of a dry run.',
    mode: 'free',
    input: 'raw',
    consumes: ['application/json'],
    query: {
      dryRun: flagQuery.default(false).describe('Tell what would change, and change nothing'),
      ...confirmQuery,
      prune: flagQuery.default(false).describe('Delete what the file does not name, in the sections that it has'),
    },
    reply: resultView,
    async handle(call, { query }) {
      requireOwner(call)
      const body = await readBody(call)
      const parsed = parseFleetFile(body.text)
      if (parsed.fleet.organisations.length > 1 && !isAdministrator(call.caller))
        throw new OtaError('forbidden', 'A file of several organisations needs a server administrator.')
      const files = await readReceipts(call, body.files)
      const authorise = (organisation: Organisation | undefined) => authoriseFor(call, organisation)
      const { confirm, ...how } = query
      const confirming = (starts: Starts, organisations: readonly Serial[]): Confirming => {
        const digests = [...files].map(([path, { sha256 }]) => [path, sha256])
        return { organisations, starts, change: changeOf('fleet.apply', body.text, query.prune, digests) }
      }
      const result = await applyFleet(call.core, parsed, {
        ...how,
        styles: call.context.options.askStyles ?? {},
        confirm: (starts, organisations) =>
          requireConfirmation(call.core.deps, confirming(starts, organisations), confirm),
        actor: call.actor,
        files,
        authorise,
        authoriseMember: (stores, account) => refuseStranger(stores, call.caller, account),
      })
      return {
        changes: result.changes.map(({ fields, ...change }) => ({ ...change, ...(fields && { fields: [...fields] }) })),
        secrets: query.dryRun ? [] : [...result.secrets],
        warnings: [...result.warnings],
        starts:
          query.dryRun && result.starts.devices > 0
            ? await confirmationOf(call.core.deps, confirming(result.starts, result.organisations))
            : null,
      }
    },
  }),
]

/** Before bytes are taken from anybody: who owns nothing can apply nothing. */
function requireOwner({ caller }: AccountCall): void {
  if (isAdministrator(caller)) return
  if (caller.members.some(({ organisation }) => roleIn(caller, organisation) === 'owner')) return
  throw new OtaError('forbidden', 'This needs the role owner in an organisation, and a token that allows it.')
}

/** One answer for what is another's and what does not exist, so that keys cannot be probed. */
function authoriseFor({ caller }: AccountCall, organisation: Organisation | undefined): void {
  if (isAdministrator(caller)) return
  if (organisation && roleIn(caller, organisation) === 'owner') return
  throw new OtaError(
    'forbidden',
    'This needs the role owner in the organisation; making one needs a server administrator.',
  )
}

/** A fleet file may be larger than other JSON; it is read here under its own limit. */
async function readBody({ request, context }: AccountCall): Promise<z.output<typeof applyBody>> {
  const { bodyIdleTimeoutMs: idleTimeoutMs } = context.host.limits
  const pieces: Uint8Array[] = []
  for await (const piece of rawBody(request.raw, { maxBytes: FLEET_FILE_CHARS, idleTimeoutMs })) pieces.push(piece)
  const parsed = applyBody.safeParse(parseJson(Buffer.concat(pieces).toString('utf8')))
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw invalid(issue?.path.join('.') ?? '', issue?.message ?? 'is invalid')
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new OtaError('invalid', 'The body is not JSON.', { cause })
  }
}

/** What the receipts stand for, protected from collection anew. */
async function readReceipts(
  call: AccountCall,
  receipts: Readonly<Record<string, string>>,
): Promise<Map<string, BlobDigests>> {
  const { storage, blobs, clock } = call.core.deps
  const files = new Map<string, BlobDigests>()
  for (const [path, receipt] of Object.entries(receipts)) files.set(path, await readReceipt(call, path, receipt))
  if (files.size > 0)
    await storage.transaction(async (stores) => {
      for (const { sha256, size } of files.values()) await stores.blobRecords.touch(sha256, size, clock.now())
    })
  for (const [path, { sha256 }] of files)
    if (!(await blobs.exists(sha256))) throw invalid('files', `"${path}" is not kept any more; upload it again`)
  return files
}

async function readReceipt({ core, caller }: AccountCall, path: string, receipt: string): Promise<BlobDigests> {
  const verdict = await core.deps.tokens.verify(RECEIPT, receipt)
  if (verdict.kind === 'expired') throw invalid('files', `the receipt of "${path}" has expired; upload it again`)
  const digests = verdict.kind === 'valid' ? digestsSchema.safeParse(verdict.claims) : undefined
  if (verdict.kind !== 'valid' || !digests?.success || verdict.claims['account'] !== caller.account.id)
    throw invalid('files', `the receipt of "${path}" is not one of this server's, or another account's`)
  const { sha256, sha1, md5, size } = digests.data
  return { sha256, sha1, md5, size }
}
