/** Routes that anybody may call, each with its reason. They show nothing of any organisation without a secret. */
export const PUBLIC_ROUTES: Readonly<Record<string, string>> = {
  'GET /': 'leads to the console',
  'GET /console': 'a page without anything of anybody',
  'GET /healthz': 'the process lives: a fact of the server',
  'GET /readyz': 'the server answers: a fact of the server',
  'GET /metrics': 'numbers of the server without names; a token or a direct local call is needed (operations.md)',
  'GET /docs': 'the reference, the same for everybody',
  'GET /api/godwit/v1/openapi.json': 'the reference, the same for everybody',
  'POST /api/godwit/v1/login': 'trades a password for a token',
  'POST /login': 'trades a password for a token [spoke-zone 2]',
  'POST /v1/auth/login': 'trades a password for a token [iotaap 2]',
  'GET /v1/ota/device/latest/:id': 'devices ask for a version without a login [iotaap 4.1]; the id is the secret',
  'GET /v1/ota/group/latest/:id': 'as for devices [iotaap 4.1]',
}
