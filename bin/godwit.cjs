#!/usr/bin/env -S node --max-semi-space-size=4
// A small nursery: 30 MB less of resident memory under uploads and downloads, for a tenth more work per poll (bench).
// Any Node can parse this file, so that an old one gets a sentence and not a syntax error.
var parts = process.versions.node.split('.').map(Number)
if (parts[0] < 24 || (parts[0] === 24 && parts[1] < 7)) {
  console.error('godwit needs Node.js 24.7 or newer; this is ' + process.versions.node + '.')
  console.error(
    'In a checkout, `npm run -s godwit -- ARGS` brings the right one. Elsewhere install Node.js 24 and try again.',
  )
  process.exit(2)
}
import('../dist/cli/main.js').then(
  function (cli) {
    return cli.main(process.argv.slice(2))
  },
  function (error) {
    console.error(error)
    process.exit(1)
  },
)
