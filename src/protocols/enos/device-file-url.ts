import type { FastifyRequest } from 'fastify'
import type { ProtocolHost } from '../http/protocol.ts'
import type { EnosConfig } from './config.ts'
import type { Live } from './device-talk.ts'
import { fileUrlOf } from './names.ts'

/** Addresses that need no session: their signature is the proof. */
export const SIGNED_PATH = '/multipart/signed'

const FAMILY = 'enos/download'

/** What a signed address stands for. */
export interface SignedDownload {
  readonly device: number
  readonly update: number
}

export interface FileUrls {
  /** What a device is told: the identifier, or a signed address where its product is configured so [enos 6]. */
  forDevice(request: FastifyRequest, productKey: string, live: Live): Promise<string>
  signed(request: FastifyRequest, live: Live): Promise<string>
  /** undefined for an address that is forged or over. */
  verify(token: string): Promise<SignedDownload | undefined>
}

export function createFileUrls(host: ProtocolHost, config: EnosConfig): FileUrls {
  const { tokens } = host.core.deps

  async function signed(request: FastifyRequest, { update, file }: Live): Promise<string> {
    const claims = { device: update.device, update: update.serial }
    const token = await tokens.sign(FAMILY, claims, config.downloadUrlSeconds)
    return `${host.publicBaseUrl(request)}${SIGNED_PATH}/${token}/${file.firmware.fileAlias}`
  }

  return {
    signed,
    async forDevice(request, productKey, live) {
      const kind = config.pushFileUrlByProduct[productKey] ?? config.pushFileUrl
      return kind === 'http' ? signed(request, live) : fileUrlOf(live.file.firmware.fileAlias)
    },
    async verify(token) {
      const verdict = await tokens.verify(FAMILY, token)
      if (verdict.kind !== 'valid') return undefined
      const { device, update } = verdict.claims
      return typeof device === 'number' && typeof update === 'number' ? { device, update } : undefined
    },
  }
}
