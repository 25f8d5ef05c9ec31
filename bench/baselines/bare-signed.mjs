// The floor for signed calls: bare node:http, the SHA-256 by which a token is found, and the one of the signature.
import { hash } from 'node:crypto'
import { createServer } from 'node:http'

const { status, headers, body } = JSON.parse(process.env.BASELINE_REPLY)
const secret = process.env.BASELINE_SECRET
const parameters = process.env.BASELINE_PARAMETERS
let tokenHash
const server = createServer({ keepAliveTimeout: 75_000 }, (request, response) => {
  const token = request.headers['apim-accesstoken']
  const found = hash('sha256', token)
  tokenHash ??= found
  const signature = hash('sha256', token + parameters + request.headers['apim-timestamp'] + secret)
  if (found !== tokenHash || signature !== request.headers['apim-signature']) {
    response.writeHead(403)
    response.end()
    return
  }
  response.writeHead(status, headers)
  response.end(body)
})
server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, () => {
  console.log(JSON.stringify({ ready: true, url: `http://127.0.0.1:${server.address().port}`, pid: process.pid }))
})
