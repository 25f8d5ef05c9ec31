/** How PostgreSQL is used, unless `godwit.yaml` says otherwise under `database:`. */
export const DEFAULT_DATABASE_LIMITS = {
  poolSize: 10,
  changePollMs: 250,
  changeTrustMs: 2_000,
}
