import type { Entity, Labels, Millis, Serial } from '../common.ts'

/** One file, content-addressed; the bytes are a blob named by `sha256`. */
export interface Artifact extends Entity {
  readonly organisation: Serial
  readonly firmware: Serial
  readonly sha256: string
  readonly sha1: string
  readonly md5: string
  /** Bytes. */
  readonly size: number
  /** File name as uploaded. */
  readonly name: string
  /** The artifact that a device downloads unless it asks for another. */
  readonly isPrimary: boolean
}

/** A name in several languages; locale -> text. */
export interface LocalisedText {
  readonly default: string
  readonly locales: Labels
}

/** Verification: trying a firmware on a few devices before any rollout may use it. */
export interface Verification {
  readonly enabled: boolean
  readonly verified: boolean
  /** Largest number of devices tried, 1 <= minSucceeded <= maxDevices. */
  readonly maxDevices: number
  readonly minSucceeded: number
}

/** What one module can run: one version string and its bytes. */
export interface Firmware extends Entity {
  readonly organisation: Serial
  /** null for firmware that is bound to no product. */
  readonly product: Serial | null
  readonly module: Serial | null
  /** Verbatim, 1 to 64 characters; devices compare bytes. */
  readonly version: string
  /** Place in the explicit order of its module's versions, for those that are no SemVer; whole, 0 or more. null = none. */
  readonly sequence: number | null
  /** From which versions it can be installed: SemVer ranges or exact versions, `||` between them. null = from any. */
  readonly fromVersions: string | null
  /** `library`: name and version unique, seen in catalogues. `private`: born by a deploy to one device or group. */
  readonly scope: 'library' | 'private'
  /** A draft until something refers to it, then sealed for ever. */
  readonly sealed: boolean
  /** In the catalogue view. Assignments ignore it. */
  readonly active: boolean
  /** The emergency brake: refused everywhere. */
  readonly withdrawn: boolean
  readonly name: LocalisedText
  readonly description: string | null
  readonly notes: string
  readonly tags: Labels
  readonly verification: Verification
  /** Digest that the uploader declared or had computed: algorithm and lower-case hex. */
  readonly declaredDigest: { readonly method: 'md5' | 'sha256'; readonly value: string }
  /** Unguessable public file name with the original extension; unique on the server. */
  readonly fileAlias: string
  /** Warnings found at upload (image checks), sentences. */
  readonly warnings: readonly string[]
  readonly releasedAt: Millis | null
  /** Base64 signature given at upload, passed on to devices that ask; null = none. */
  readonly signature: string | null
}

/** A firmware with its primary artifact: what protocols need to describe or send it. */
export interface FirmwareFile {
  readonly firmware: Firmware
  readonly artifact: Artifact
}
