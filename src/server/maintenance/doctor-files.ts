import { X509Certificate } from 'node:crypto'
import { accessSync, constants, existsSync, readFileSync, statfsSync, statSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { folderOf } from '../config/places.ts'
import type { Config } from '../config/settings.ts'
import { openBlobStore } from '../open-blobs.ts'
import type { DoctorSources, Finding } from './finding.ts'

export function checkDataDirectory(config: Config): Finding {
  const check = 'data directory'
  if (!existsSync(config.data))
    return { check, verdict: 'warn', detail: `${config.data} does not exist; the first start makes it` }
  const { mode } = statSync(config.data)
  accessSync(config.data, constants.R_OK | constants.W_OK | constants.X_OK)
  if ((mode & 0o077) !== 0) {
    const shown = (mode & 0o777).toString(8).padStart(4, '0')
    return { check, verdict: 'warn', detail: `${config.data} is open to others (${shown}): chmod 0700 ${config.data}` }
  }
  return { check, verdict: 'ok', detail: `${config.data} is ours alone and writable` }
}

const GIB = 2 ** 30
const LEAST_BYTES = GIB / 10
const FEW_BYTES = GIB

export function checkDisk(config: Config): Finding | Finding[] {
  const stores = locationsOf(config).flatMap((location) => folderOf(config, location) ?? [])
  const folders = [...new Set([config.data, ...stores])].filter(existsSync)
  return folders.map((folder) => {
    const { bavail, bsize } = statfsSync(folder)
    const free = bavail * bsize
    const detail = `${(free / GIB).toFixed(1)} GiB free at ${folder}`
    const verdict = free < LEAST_BYTES ? 'fail' : free < FEW_BYTES ? 'warn' : 'ok'
    return { check: 'disk', verdict, detail }
  })
}

/** Each store of its own: one that fails hides nothing about the other. */
export async function checkBlobs(config: Config): Promise<Finding[]> {
  return Promise.all(locationsOf(config).map((location) => checkBlobStore(config, location)))
}

async function checkBlobStore(config: Config, location: string | undefined): Promise<Finding> {
  const check = location === config.blobs ? 'blobs' : 'blobs (fallback)'
  const place = folderOf(config, location) ?? location?.replace(/\?.*/, '') ?? ''
  if (!place.startsWith('s3:') && !existsSync(place))
    return { check, verdict: 'warn', detail: `${place} does not exist; the first start makes it` }
  try {
    await (await openBlobStore(config, location)).check()
    return { check, verdict: 'ok', detail: `${place} can be written` }
  } catch (error) {
    return { check, verdict: 'fail', detail: `${place}: ${error instanceof Error ? error.message : error}` }
  }
}

function locationsOf({ blobs, blobsFallback }: Config): Array<string | undefined> {
  return blobsFallback === undefined ? [blobs] : [blobs, blobsFallback]
}

const DAY_MS = 86_400_000
const SOON_DAYS = 21

export function checkTls(config: Config, { now }: DoctorSources): Finding | Finding[] {
  const check = 'TLS'
  if (config.tlsCert === undefined || config.tlsKey === undefined) {
    const isLocal = /^(127\.|localhost$|::1$)/.test(config.host)
    const isSecure = config.publicUrl?.startsWith('https:') ?? false
    if (isLocal || isSecure) return []
    return {
      check,
      verdict: 'warn',
      detail: `${config.host} is served in clear; put a TLS proxy in front, or set --tls-cert`,
    }
  }
  const cert = readFileSync(config.tlsCert)
  createSecureContext({ cert, key: readFileSync(config.tlsKey) })
  const ends = new X509Certificate(cert).validToDate.getTime()
  const days = Math.floor((ends - now) / DAY_MS)
  if (days < 0) return { check, verdict: 'fail', detail: `the certificate ended ${-days} days ago` }
  return { check, verdict: days < SOON_DAYS ? 'warn' : 'ok', detail: `certificate and key match; ${days} days left` }
}
