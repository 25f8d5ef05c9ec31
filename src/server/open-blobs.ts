import type { Blobs } from '../core/blobs.ts'
import type { BlobVerifier } from '../storage/blob/blob-verifier.ts'
import { FallbackBlobs } from '../storage/blob/fallback-blobs.ts'
import { FilesystemBlobs } from '../storage/blob/filesystem-blobs.ts'
import { DEFAULT_S3_LIMITS, type S3Settings } from '../storage/blob/s3/s3-settings.ts'
import { parseS3Url } from '../storage/blob/s3/s3-url.ts'
import { folderOf } from './config/places.ts'
import type { Config } from './config/settings.ts'
import { systemClock } from './runtime/system-clock.ts'

export type BlobConfig = Pick<Config, 'data' | 'blobs' | 'blobsFallback' | 's3' | 's3AccessKeyId' | 's3SecretAccessKey'>

/** The configured store: with a fallback, both as one. Throws `storage-failed`. */
export async function openBlobs(config: BlobConfig): Promise<Blobs> {
  const first = await openBlobStore(config, config.blobs)
  if (config.blobsFallback === undefined) return first
  return new FallbackBlobs(first, await openBlobStore(config, config.blobsFallback))
}

/** The store at one location (unset: the data directory). The AWS SDK is loaded for S3 alone. */
export async function openBlobStore(
  config: BlobConfig,
  location: string | undefined,
  verifier?: BlobVerifier,
): Promise<Blobs> {
  const checking = verifier === undefined ? {} : { verifier }
  const folder = folderOf(config, location)
  if (folder !== undefined) return FilesystemBlobs.open(folder, checking)
  const { S3Blobs } = await import('../storage/blob/s3/s3-blobs.ts')
  const settings = s3Settings(config, location ?? '')
  return S3Blobs.open({ settings, folder: config.data, now: () => systemClock.now(), ...checking })
}

function s3Settings(config: BlobConfig, location: string): S3Settings {
  const { redirect = false, redirectEndpoint, ...limits } = config.s3 ?? {}
  const { s3AccessKeyId: accessKeyId, s3SecretAccessKey: secretAccessKey } = config
  return {
    ...parseS3Url(location, 'blobs'),
    limits: { ...DEFAULT_S3_LIMITS, ...limits },
    ...(accessKeyId !== undefined &&
      secretAccessKey !== undefined && { credentials: { accessKeyId, secretAccessKey } }),
    ...(redirect && { links: redirectEndpoint === undefined ? {} : { endpoint: redirectEndpoint } }),
  }
}
