import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { DEFAULT_S3_LIMITS, type S3Settings } from '../../src/storage/blob/s3/s3-settings.ts'
import { temporaryFolder } from './temporary-folder.ts'

export const S3_BUCKET = 'firmware'
/** The only account that s3rver knows. */
export const S3_CREDENTIALS = { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' } as const
/** The same for a process, by the AWS SDK's usual chain. */
export const S3_ENVIRONMENT = { AWS_ACCESS_KEY_ID: 'S3RVER', AWS_SECRET_ACCESS_KEY: 'S3RVER' } as const

export interface S3TestServer {
  readonly url: string
  /** `s3://bucket/prefix?endpoint=…` as a configuration says it. */
  location(prefix: string, endpoint?: string): string
  /** Every object of the bucket with its bytes, by key. */
  objects(): Promise<Map<string, Buffer>>
  stop(): Promise<void>
}

/**
 * An S3 server of somebody else's (s3rver 4, from npm) as a process of its own on a free loopback port.
 *
 * It checks signatures (SigV4) of what has one and concerns an object, the life of presigned addresses and that buckets and objects exist. It does not check:
 * hashes of bodies (x-amz-content-sha256, Content-MD5), ETags and sizes of parts, If-Match, permissions; what carries no signature at all may do everything. It cannot abort
 * or list multipart uploads, and its plain writes are not atomic: one that is cut leaves the half under its name. Bodies
 * in the framing of newer SDK defaults it stores as they come, framing and all.
 */
export async function startS3Server(): Promise<S3TestServer> {
  const folder = await temporaryFolder()
  const program = fileURLToPath(new URL('s3-server-process.ts', import.meta.url))
  const child = spawn(process.execPath, ['--no-warnings', program, folder.path, S3_BUCKET], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const [port] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  const url = `http://127.0.0.1:${port}`
  return {
    url,
    location: (prefix, endpoint = url) => `s3://${S3_BUCKET}/${prefix}?endpoint=${endpoint}`,
    async objects() {
      const found = new Map<string, Buffer>()
      const root = join(folder.path, S3_BUCKET)
      for (const path of await readdir(root, { recursive: true }))
        if (path.endsWith('._S3rver_object'))
          found.set(path.slice(0, -'._S3rver_object'.length), await readFile(join(root, path)))
      return found
    },
    async stop() {
      child.kill('SIGKILL')
      await folder.remove()
    },
  }
}

/** Settings for a store of one's own in the test bucket. */
export function s3Settings(endpoint: string, prefix: string, limits: Partial<S3Settings['limits']> = {}): S3Settings {
  return {
    bucket: S3_BUCKET,
    prefix,
    endpoint,
    pathStyle: true,
    credentials: S3_CREDENTIALS,
    limits: { ...DEFAULT_S3_LIMITS, ...limits },
  }
}
