import type { FastifyInstance } from 'fastify'
import type { Core } from '../../core/create-core.ts'
import type { AskStyle } from '../../core/device-gateway.ts'
import type { AddressedRequest } from './client-address.ts'
import type { Downloads } from './downloads.ts'
import type { HttpLimits } from './limits.ts'
import type { Owner } from './route-owners.ts'
import type { ShortWays } from './short-ways.ts'

/** What the host gives every protocol. */
export interface ProtocolHost {
  readonly core: Core
  readonly limits: HttpLimits
  /** What all downloads share; goes into `sendArtifact`. */
  readonly downloads: Downloads
  /** Where a protocol adds what it can answer in front of the framework, while it registers its routes. */
  readonly shortWays: Pick<ShortWays, 'add'>
  /** Base of links that are handed out, without a trailing slash: configured, or from trusted headers, or the Host. */
  publicBaseUrl(request: AddressedRequest): string
  /** The caller's address, through trusted proxies. */
  clientAddress(request: AddressedRequest): string
}

/** A wire protocol as the server's list knows it: who owns which paths, and the routes in their own encapsulated plugin. */
export interface Protocol {
  readonly name: string
  readonly owner: Owner
  /** How its devices ask, for `explain`; absent where no devices call. `name` is then also their credential scheme. */
  readonly asks?: AskStyle
  /** Patterns of paths and labels in which this protocol puts secrets; a match's first group is kept, the rest masked. */
  readonly redactions: readonly RegExp[]
  /** Header names that carry secrets, lower case. */
  readonly secretHeaders: readonly string[]
  /** The server begins to stop: answers requests that only wait. May be called more than once. */
  readonly drain?: () => void
  /** Called inside a plugin scope of its own: parsers, hooks and error handler stay within. */
  register(scope: FastifyInstance): Promise<void>
}
