import type { Millis } from '../common.ts'

/** A server process that runs on the database, as it told itself. */
export interface NodeFacts {
  readonly id: string
  readonly host: string
  readonly pid: number
  /** Godwit's version. */
  readonly version: string
  /** The newest migration that it knows. */
  readonly schema: string
  /** Connections to the database that it may open. */
  readonly connections: number
}

export interface SeenNode extends NodeFacts {
  /** By the database's clock. */
  readonly seenAt: Millis
}

/** Which processes run on one database. */
export interface NodeStore {
  /** Inserts or renews a node, seen now by the database's clock. */
  note(node: NodeFacts): Promise<void>
  forget(id: string): Promise<void>
  /** Seen within the last `ms` by the database's clock; the oldest sight first. */
  listSeen(ms: number): Promise<SeenNode[]>
  /** Those not seen for `ms`; answers how many. */
  deleteUnseen(ms: number): Promise<number>
  /** The database's clock. */
  now(): Promise<Millis>
}
