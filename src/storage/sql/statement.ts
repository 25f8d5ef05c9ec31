import type { Compilable, CompiledQuery, RawBuilder } from 'kysely'
import type { Compiler } from './compiler.ts'
import type { Session } from './session.ts'

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

/** As `Statement`, with the rows that it is about; undefined where the database takes rows best one by one. */
export type StatementOfRows<A extends readonly unknown[], R> = (
  session: Session,
  rows: readonly object[],
  ...args: A
) => CompiledQuery<R> | undefined

interface OfRows extends Pick<Session, 'compiler' | 'dialect'> {
  /** The table `given` of the rows; see `SqlDialect.givenRows`. */
  readonly given: RawBuilder<unknown>
}

/** `columns` are those of the rows; `build` is called once per dialect, with stand-ins for its arguments. */
export function statementOfRows<A extends readonly unknown[], R>(
  columns: Readonly<Record<string, 'text' | 'bigint'>>,
  build: (of: OfRows, ...args: A) => Compilable<R>,
): StatementOfRows<A, R> {
  const templates = new WeakMap<Compiler, Template<R>>()
  return ({ compiler, dialect }, rows, ...args) => {
    const { givenRows } = dialect
    if (givenRows === undefined) return undefined
    let template = templates.get(compiler)
    if (template === undefined) {
      template = new Template(build.length, ([json, ...standIns]) =>
        build({ compiler, dialect, given: givenRows(json, columns) }, ...(standIns as unknown as A)),
      )
      templates.set(compiler, template)
    }
    return template.bind([JSON.stringify(rows), ...args])
  }
}

/** SQL of our own as a query that a template can hold. */
export function compilable<R>(compiler: Compiler, query: RawBuilder<R>): Compilable<R> {
  return { compile: () => query.compile(compiler) }
}
