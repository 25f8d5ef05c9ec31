import type { FastifyRequest } from 'fastify'
import type { Blobs, StagedBlob } from '../../core/blobs.ts'
import { isId } from '../../core/common.ts'
import { spoolForm } from '../http/multipart-spool.ts'
import { GROUP_ID_INVALID } from './answers.ts'
import { isVersion, readText } from './schema.ts'
import type { Target } from './scheme.ts'

/** A deploy as it came in: what it says and the file, if there was one. */
export interface DeployForm {
  field(name: string): string | undefined
  readonly firmware: StagedBlob | undefined
  /** Forgets the file unless it was committed. */
  discard(): Promise<void>
}

/** Reads the parts in any order, hashing the file on the way. A body of another kind has fields, but no file. [iotaap 3.6] */
export async function readDeployForm(
  request: FastifyRequest,
  options: { blobs: Blobs; maxBytes: number },
): Promise<DeployForm> {
  if (!/^multipart\/form-data\b/i.test(request.headers['content-type'] ?? ''))
    return { field: (name) => readText(request.body, name), firmware: undefined, discard: async () => undefined }
  const { maxBytes } = options
  const form = await spoolForm(request, {
    files: ['firmware'],
    stage: ({ bytes }) => options.blobs.stage(bytes, { maxBytes }),
  })
  return {
    field: (name) => form.fields.get(name) || undefined,
    firmware: form.files.get('firmware')?.blob,
    discard: () => form.discardAll(),
  }
}

export interface DeployRequest {
  readonly kind: 'deploy'
  readonly id: string
  readonly token: string
  readonly version: string
  readonly firmware: StagedBlob
}

export interface Refusal {
  readonly kind: 'refused'
  readonly body: { readonly message: string }
}

/** Steps 2 to 5: the first that fails answers. [iotaap 3.6] */
export function checkDeployForm(form: DeployForm, target: Target): DeployRequest | Refusal {
  const id = form.field(target)
  const token = form.field('token')
  const version = form.field('version')
  if (id === undefined) return mandatory(target)
  if (token === undefined) return mandatory('token')
  if (version === undefined) return mandatory('version')
  if (!isId(id)) return refused(target === 'device' ? 'Device ID is not valid' : GROUP_ID_INVALID.message)
  if (!isVersion(version)) return refused('Version is not valid')
  const { firmware } = form
  if (firmware === undefined || firmware.digests.size === 0) return refused('No file uploaded')
  return { kind: 'deploy', id, token, version, firmware }
}

function mandatory(field: string): Refusal {
  return refused(`${field} is a mandatory field`)
}

function refused(message: string): Refusal {
  return { kind: 'refused', body: { message } }
}
