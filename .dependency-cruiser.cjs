/** The direction of imports, as docs/architecture.md draws it. */
const only = (name, from, allowed) => ({
  name,
  severity: 'error',
  from: { path: `^src/${from}/`, pathNot: '\\.(test|contract)\\.ts$' },
  to: { path: '^src/', pathNot: [`^src/${from}/`, ...allowed.map((folder) => `^src/${folder}`)] },
})

module.exports = {
  forbidden: [
    only('core-imports-nothing', 'core', []),
    only('storage-imports-core', 'storage', ['core/']),
    only('http-edge-imports-core', 'protocols/http', ['core/']),
    only('spoke-zone-is-ignorant-of-others', 'protocols/spoke-zone', ['core/', 'protocols/http/']),
    only('iotaap-is-ignorant-of-others', 'protocols/iotaap', ['core/', 'protocols/http/']),
    only('enos-is-ignorant-of-others', 'protocols/enos', ['core/', 'protocols/http/']),
    only('native-is-ignorant-of-others', 'protocols/native', ['core/', 'protocols/http/']),
    only('api-imports-core-and-http-edge', 'api', ['core/', 'protocols/http/']),
    {
      name: 'simulator-speaks-the-wire-itself',
      severity: 'error',
      from: { path: '^src/simulator/', pathNot: ['^src/simulator/virtual/', '\\.(test|contract)\\.ts$'] },
      to: { path: '^src/', pathNot: '^src/simulator/(?!virtual/)' },
    },
    // Fleets in virtual time run the real core, on memory; they know nothing of any wire.
    only('virtual-fleets-run-the-core', 'simulator/virtual', ['core/', 'storage/(memory|blob)/memory-']),
    only('agent-speaks-the-wire-itself', 'agent', []),
    only('cli-goes-over-http', 'cli', ['server/', 'simulator/', 'agent/', 'core/errors\\.ts', 'api/fleet/']),
    {
      name: 'core-has-no-io',
      severity: 'error',
      from: { path: '^src/core/', pathNot: '\\.(test|contract)\\.ts$' },
      to: {
        path: [
          '^(node:)?(fs|http|https|net|tls|child_process|worker_threads|sqlite)',
          'node_modules/(fastify|kysely|pg|pino|commander)',
        ],
      },
    },
    { name: 'no-cycles', severity: 'error', from: { path: '^src' }, to: { circular: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    parser: 'swc',
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { extensions: ['.ts', '.js', '.json'] },
  },
}
