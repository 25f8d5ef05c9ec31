import { type RawBuilder, sql } from 'kysely'
import type { Millis } from '../../../core/common.ts'
import type { NodeFacts, NodeStore, SeenNode } from '../../../core/node/node-store.ts'
import type { Row } from '../schema.ts'
import type { Session } from '../session.ts'

export class SqlNodeStore implements NodeStore {
  readonly #session: Session
  readonly #now: RawBuilder<number>

  constructor(session: Session) {
    this.#session = session
    this.#now = session.dialect.now
  }

  async note({ id, host, pid, version, schema, connections }: NodeFacts): Promise<void> {
    const facts = { host, pid, version, schema, connections, seen_at: this.#now }
    const query = this.#session.compiler
      .insertInto('nodes')
      .values({ id, ...facts })
      .onConflict((on) => on.column('id').doUpdateSet(facts))
    await this.#session.run(query.compile())
  }

  async forget(id: string): Promise<void> {
    await this.#session.run(this.#session.compiler.deleteFrom('nodes').where('id', '=', id).compile())
  }

  async listSeen(ms: number): Promise<SeenNode[]> {
    const query = this.#session.compiler
      .selectFrom('nodes')
      .selectAll()
      .where('seen_at', '>=', this.#ago(ms))
      .orderBy('seen_at')
      .orderBy('id')
    return (await this.#session.all(query.compile())).map(toNode)
  }

  deleteUnseen(ms: number): Promise<number> {
    return this.#session.run(this.#session.compiler.deleteFrom('nodes').where('seen_at', '<', this.#ago(ms)).compile())
  }

  async now(): Promise<Millis> {
    const query = this.#session.compiler.selectNoFrom(this.#now.as('now'))
    return (await this.#session.first(query.compile()))?.now ?? 0
  }

  #ago(ms: number): RawBuilder<number> {
    return sql<number>`${this.#now} - ${sql.lit(Math.round(ms))}`
  }
}

function toNode({ seen_at, ...facts }: Row<'nodes'>): SeenNode {
  return { ...facts, seenAt: seen_at }
}
