import type { Row } from './scenarios/bench.ts'
import { downloadLarge, downloadMany } from './scenarios/downloads.ts'
import { enosGet } from './scenarios/enos-get.ts'
import { iotaapLatest } from './scenarios/iotaap-latest.ts'
import { memory } from './scenarios/memory.ts'
import { latency512, nativeCheck, nativeCheckNew } from './scenarios/native-check.ts'
import { operatorsPostgres, operatorsSqlite } from './scenarios/operators.ts'
import { reportsPostgres, reportsSqlite } from './scenarios/reports.ts'
import { s3Upload } from './scenarios/s3-upload.ts'
import { spokeZoneList } from './scenarios/spoke-zone-list.ts'
import { start } from './scenarios/start.ts'

/** The whole set, in the order in which it runs; rows that share one server come first. */
export const ROWS: readonly Row[] = [
  nativeCheck,
  spokeZoneList,
  enosGet,
  iotaapLatest,
  nativeCheckNew,
  latency512,
  downloadLarge,
  downloadMany,
  reportsSqlite,
  reportsPostgres,
  memory,
  start,
  operatorsSqlite,
  operatorsPostgres,
  s3Upload,
]
