import { createHash } from 'node:crypto'
import type { Compilable, CompiledQuery, RawBuilder } from 'kysely'
import type { Compiler } from './compiler.ts'
import type { Bulk } from './dialects/dialect.ts'
import type { Query, Session } from './session.ts'

/** Stands for a value while a query is being compiled. */
class Slot {
  readonly index: number

  constructor(index: number) {
    this.index = index
  }
}

/**
 * A query compiled once, to be run with other values each time: building one costs more than SQLite takes to answer it.
 * `build` gets stand-ins for the values and may only pass them on; a value that is null needs a query of its own.
 */
export class Template<R> {
  readonly #query: CompiledQuery<R>
  readonly #slots: ReadonlyArray<Slot | undefined>

  constructor(values: number, build: (standIns: readonly unknown[]) => Compilable<R>) {
    this.#query = build(Array.from({ length: values }, (_, index) => new Slot(index))).compile()
    this.#slots = this.#query.parameters.map((parameter) => (parameter instanceof Slot ? parameter : undefined))
  }

  get sql(): string {
    return this.#query.sql
  }

  bind(values: readonly unknown[]): CompiledQuery<R> {
    const { query, queryId, sql, parameters } = this.#query
    return {
      query,
      queryId,
      sql,
      parameters: this.#slots.map((slot, position) => (slot === undefined ? parameters[position] : values[slot.index])),
    }
  }
}

/** Templates of one dialect by what distinguishes their texts. The caller sees to it that there are few. */
export class TemplateCache {
  readonly #byCompiler = new WeakMap<Compiler, Map<string, Template<unknown>>>()

  get<R>(compiler: Compiler, key: string, make: () => Template<R>): Template<R> {
    const templates = this.#byCompiler.get(compiler) ?? new Map<string, Template<unknown>>()
    this.#byCompiler.set(compiler, templates)
    const template = templates.get(key) ?? make()
    templates.set(key, template)
    return template as Template<R>
  }
}

/** A query whose text never changes: called with a session and its arguments it is ready to run. */
export type Statement<A extends readonly unknown[], R> = (session: Session, ...args: A) => CompiledQuery<R>

/** `build` is called once per dialect, with stand-ins for its arguments (see `Template`). */
export function statement<A extends readonly unknown[], R>(
  build: (compiler: Compiler, ...args: A) => Compilable<R>,
): Statement<A, R> {
  const templates = new WeakMap<Compiler, Template<R>>()
  return ({ compiler }, ...args) => {
    let template = templates.get(compiler)
    if (template === undefined) {
      template = new Template(build.length - 1, (standIns) => build(compiler, ...(standIns as A)))
      templates.set(compiler, template)
    }
    return template.bind(args)
  }
}

/** A statement about many rows at once; undefined where the database takes them best one by one. */
export type BulkStatement<A extends readonly unknown[], R> = (session: Session, ...args: A) => Query<R> | undefined

/** Makes a query that is about any number of rows; what its arguments stand for are lists and rows in JSON. */
type Build<A extends readonly unknown[], R> = (
  on: Bulk & Pick<Session, 'compiler' | 'dialect'>,
  ...args: A
) => Compilable<R>

/**
 * `build` is called once per dialect, with stand-ins for its arguments. It must name the columns that it answers: the
 * connection keeps the statement prepared, also when a table gets another column meanwhile.
 */
export function bulkStatement<A extends readonly unknown[], R>(build: Build<A, R>): BulkStatement<A, R> {
  const templates = new WeakMap<Compiler, { template: Template<R>; name: string }>()
  return ({ compiler, dialect }, ...args) => {
    const { bulk } = dialect
    if (bulk === undefined) return undefined
    let known = templates.get(compiler)
    if (known === undefined) {
      const template = new Template(build.length - 1, (standIns) =>
        build({ ...bulk, compiler, dialect }, ...(standIns as unknown as A)),
      )
      known = { template, name: nameOf(template.sql) }
      templates.set(compiler, known)
    }
    return { ...known.template.bind(args), name: known.name }
  }
}

/** By the text: processes that share connections through a pooler mean the same by a name. */
function nameOf(sql: string): string {
  return `godwit_${createHash('sha256').update(sql).digest('hex').slice(0, 24)}`
}

/** SQL of our own as a query that a template can hold. */
export function compilable<R>(compiler: Compiler, query: RawBuilder<R>): Compilable<R> {
  return { compile: () => query.compile(compiler) }
}
