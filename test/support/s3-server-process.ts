import S3rver from '@20minutes/s3rver'

const [, , directory = '', bucket = ''] = process.argv
const server = new S3rver({
  address: '127.0.0.1',
  port: 0,
  silent: true,
  directory,
  configureBuckets: [{ name: bucket }],
})
const { port } = await server.run()
// It signs `/bucket` where the SDK, as Amazon, signs `/bucket/`; what carries no signature it lets pass.
server.httpServer.prependListener('request', ({ url = '', headers }) => {
  if (/^\/[^/]+\/?(\?|$)/.test(url)) delete headers.authorization
})
process.stdout.write(`${port}\n`)
// Ends with whoever started it.
process.stdin.on('end', () => process.exit(0)).resume()
