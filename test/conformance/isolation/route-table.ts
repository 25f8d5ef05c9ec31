import type { FastifyInstance } from 'fastify'

const LINE = /^((?:│ {3}| {4})*)(?:├── |└── )(.+?)(?: \(([A-Z, ]+)\))?$/

/**
 * Every route that the app has, as `METHOD /path/:parameter`, read from the router itself, so that no plugin can hide one.
 * Where the router joins parameters of several routes (`:device|:target`) the first name stands for all.
 */
export function routesOf(app: FastifyInstance): string[] {
  const routes: string[] = []
  const path: string[] = []
  for (const line of app.printRoutes({ commonPrefix: false }).split('\n')) {
    if (line.trim() === '') continue
    const [, indent, name, methods] = LINE.exec(line) ?? []
    if (indent === undefined || name === undefined)
      throw new Error(`A line of the route tree that nobody understands: ${line}`)
    const depth = indent.length / 4
    path.length = depth
    path.push(name)
    if (methods === undefined) continue
    const url = path.join('').replaceAll(/\|:\w+/g, '')
    for (const method of methods.split(', ')) routes.push(`${method} ${url}`)
  }
  return routes.sort()
}
