// The floor for downloads: createReadStream piped into the answer. File in BASELINE_FILE, headers in BASELINE_REPLY.
import { createReadStream } from 'node:fs'
import { createServer } from 'node:http'

const { status, headers } = JSON.parse(process.env.BASELINE_REPLY)
const server = createServer({ keepAliveTimeout: 75_000 }, (_request, response) => {
  response.writeHead(status, headers)
  createReadStream(process.env.BASELINE_FILE).pipe(response)
})
server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, () => {
  console.log(JSON.stringify({ ready: true, url: `http://127.0.0.1:${server.address().port}`, pid: process.pid }))
})
