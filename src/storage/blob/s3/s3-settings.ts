/** Which bucket, at whose address, under whose name. */
export interface S3Place {
  readonly bucket: string
  /** Begins every key: empty, or ends with a slash. */
  readonly prefix: string
  /** Unset: Amazon's of the region. */
  readonly endpoint?: string
  /** Unset: as the AWS SDK finds it (AWS_REGION, profile), else us-east-1. */
  readonly region?: string
  /** The bucket in the path (`host/bucket/key`) and not in the name (`bucket.host/key`). */
  readonly pathStyle: boolean
}

export interface S3Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** Limits of the store in S3; their names and defaults stand in the configuration reference. */
export const DEFAULT_S3_LIMITS = {
  partBytes: 8 * 2 ** 20,
  partBuffers: 3,
  attempts: 8,
  connectTimeoutMs: 5_000,
  idleTimeoutMs: 30_000,
  callTimeoutMs: 300_000,
  deleteTimeoutMs: 5_000,
  connections: 1_024,
  leftoverHours: 24,
  checkSeconds: 10,
  redirectSeconds: 300,
}

export type S3Limits = typeof DEFAULT_S3_LIMITS

export interface S3Settings extends S3Place {
  readonly limits: S3Limits
  /** Unset: the AWS SDK's usual chain (environment, profile, role of the machine). */
  readonly credentials?: S3Credentials
  /** Whether links are handed out, and under which address where it is not the endpoint's. */
  readonly links?: { readonly endpoint?: string }
}
