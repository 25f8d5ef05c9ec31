import { type DatabaseConnection, DummyDriver, Kysely } from 'kysely'
import { OtaError } from '../../core/errors.ts'
import type { SqlDialect } from './dialects/dialect.ts'
import type { Schema } from './schema.ts'

/** Builds and compiles queries and never runs one: running is the business of a `Session`. */
export type Compiler = Kysely<Schema>

const compilers = new WeakMap<SqlDialect, Compiler>()

export function compilerOf(dialect: SqlDialect): Compiler {
  let compiler = compilers.get(dialect)
  if (compiler === undefined) {
    compiler = createCompiler(dialect)
    compilers.set(dialect, compiler)
  }
  return compiler
}

function createCompiler(dialect: SqlDialect): Compiler {
  return new Kysely<Schema>({
    dialect: {
      createAdapter: () => dialect.createAdapter(),
      createDriver: () => new RefusingDriver(),
      createIntrospector: dialect.createIntrospector,
      createQueryCompiler: () => dialect.createQueryCompiler(),
    },
  })
}

class RefusingDriver extends DummyDriver {
  override async acquireConnection(): Promise<DatabaseConnection> {
    throw new OtaError('internal', 'Queries run through a session')
  }
}
