// The floor: bare node:http that knows its one answer by heart. Reply in BASELINE_REPLY as {status, headers, body}.
import { createServer } from 'node:http'

const { status, headers, body } = JSON.parse(process.env.BASELINE_REPLY)
const server = createServer({ keepAliveTimeout: 75_000 }, (_request, response) => {
  response.writeHead(status, headers)
  response.end(body)
})
server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, () => {
  console.log(JSON.stringify({ ready: true, url: `http://127.0.0.1:${server.address().port}`, pid: process.pid }))
})
