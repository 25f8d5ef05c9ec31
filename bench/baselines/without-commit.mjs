// Loaded before Godwit: everything that a report does but the commit. One transaction is begun and never ended, so every
// statement runs and later ones see what earlier ones wrote, but nothing is made durable.
import { DatabaseSync } from 'node:sqlite'

const BEGIN = /^\s*begin\b/i
const COMMIT = /^\s*(commit|end)\b/i
const nothing = {
  run: () => ({ changes: 0, lastInsertRowid: 0 }),
  all: () => [],
  get: () => undefined,
  columns: () => [],
}
const { prepare, exec } = DatabaseSync.prototype

function isLeftOut(database, sql) {
  return COMMIT.test(sql) || (BEGIN.test(sql) && database.isTransaction)
}

DatabaseSync.prototype.prepare = function (sql, ...rest) {
  if (COMMIT.test(sql)) return nothing
  if (!BEGIN.test(sql)) return prepare.call(this, sql, ...rest)
  const statement = prepare.call(this, sql, ...rest)
  return { ...nothing, run: () => (this.isTransaction ? nothing.run() : statement.run()) }
}
DatabaseSync.prototype.exec = function (sql) {
  return isLeftOut(this, sql) ? undefined : exec.call(this, sql)
}
