import { connect } from 'node:net'

/** Fetches `path` `count` times at once on connections of their own and throws the bytes away. Answers bytes received. */
export async function downloadAll(url: string, path: string, count: number): Promise<number> {
  const bytes = await Promise.all(Array.from({ length: count }, () => downloadOne(url, path)))
  return bytes.reduce((sum, one) => sum + one, 0)
}

function downloadOne(url: string, path: string): Promise<number> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    let received = 0
    const socket = connect({ host: hostname, port: Number(port) }, () =>
      socket.write(`GET ${path} HTTP/1.0\r\nhost: bench\r\nconnection: close\r\n\r\n`),
    )
    socket.on('data', (chunk) => {
      received += chunk.length
    })
    socket.on('end', () => resolve(received))
    socket.on('error', reject)
  })
}
