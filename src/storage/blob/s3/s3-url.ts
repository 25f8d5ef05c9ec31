import { invalid } from '../../../core/errors.ts'
import type { S3Place } from './s3-settings.ts'

const PARAMETERS = ['endpoint', 'region', 'pathStyle']
/** Amazon's rule, and every other server's. */
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/

/**
 * `s3://bucket/prefix?endpoint=https://…&region=…&pathStyle=true`. With an endpoint the bucket goes into the path unless
 * `pathStyle=false`. Throws `invalid` naming `field`.
 */
export function parseS3Url(text: string, field: string): S3Place {
  const url = URL.parse(text)
  if (url?.protocol !== 's3:') throw invalid(field, 'must be s3://bucket/prefix?endpoint=…&region=…')
  if (url.username !== '' || url.password !== '' || url.port !== '')
    throw invalid(field, 'no credentials or port belong there; credentials come from the environment')
  if (!BUCKET.test(url.hostname)) throw invalid(field, `"${url.hostname}" cannot be the name of a bucket`)
  const unknown = [...url.searchParams.keys()].find((name) => !PARAMETERS.includes(name))
  if (unknown !== undefined) throw invalid(field, `unknown parameter ${unknown}; known: ${PARAMETERS.join(', ')}`)
  const endpoint = endpointOf(url.searchParams.get('endpoint'), field)
  const region = url.searchParams.get('region')
  const pathStyle = url.searchParams.get('pathStyle') ?? String(endpoint !== undefined)
  if (pathStyle !== 'true' && pathStyle !== 'false') throw invalid(field, 'pathStyle must be true or false')
  const path = decodeURIComponent(url.pathname).replace(/^\/+|\/+$/g, '')
  return {
    bucket: url.hostname,
    prefix: path === '' ? '' : `${path}/`,
    pathStyle: pathStyle === 'true',
    ...(endpoint !== undefined && { endpoint }),
    ...(region && { region }),
  }
}

function endpointOf(text: string | null, field: string): string | undefined {
  if (text === null) return undefined
  const url = URL.parse(text)
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:')
    throw invalid(field, 'endpoint must begin with https:// or http://')
  return text.replace(/\/+$/, '')
}
