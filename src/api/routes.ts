import { accessKeyRoutes } from './access-keys.ts'
import { accountRoutes } from './accounts.ts'
import { assignmentRoutes } from './assignments.ts'
import { dataFileRoutes } from './data-files.ts'
import { deviceCredentialRoutes } from './device-credentials.ts'
import { deviceExplainRoutes } from './device-explain.ts'
import { deviceExportRoutes } from './device-export.ts'
import { deviceImportRoutes } from './device-import.ts'
import { deviceRoutes } from './devices.ts'
import { eventRoutes } from './events.ts'
import { firmwareRoutes } from './firmware.ts'
import { firmwareUploadRoutes } from './firmware-upload.ts'
import { fleetRoutes } from './fleet/fleet-routes.ts'
import { floorRoutes } from './floors.ts'
import { groupRoutes } from './groups.ts'
import { sessionRoutes } from './login.ts'
import { organisationRoutes } from './organisations.ts'
import { productRoutes } from './products.ts'
import { releaseRoutes } from './releases.ts'
import { rolloutActionRoutes } from './rollout-actions.ts'
import { rolloutMemberRoutes } from './rollout-members.ts'
import { rolloutPlanRoutes } from './rollout-plan.ts'
import { rolloutRoutes } from './rollouts.ts'
import type { ApiRoute } from './route.ts'
import { serverRoutes } from './server.ts'
import { tokenRoutes } from './tokens.ts'
import { updateRoutes } from './updates.ts'
import { webhookRoutes } from './webhooks.ts'

/** Every route of the management API, below `/api/godwit/v1`; `openapi.json` and the reference page come beside it. */
export const API_ROUTES: readonly ApiRoute[] = [
  ...sessionRoutes,
  ...tokenRoutes,
  ...organisationRoutes,
  ...serverRoutes,
  ...accountRoutes,
  ...accessKeyRoutes,
  ...productRoutes,
  ...groupRoutes,
  ...deviceRoutes,
  ...deviceImportRoutes,
  ...deviceExportRoutes,
  ...deviceCredentialRoutes,
  ...deviceExplainRoutes,
  ...firmwareRoutes,
  ...firmwareUploadRoutes,
  ...floorRoutes,
  ...releaseRoutes,
  ...assignmentRoutes,
  ...rolloutRoutes,
  ...rolloutActionRoutes,
  ...rolloutMemberRoutes,
  ...rolloutPlanRoutes,
  ...updateRoutes,
  ...eventRoutes,
  ...webhookRoutes,
  ...dataFileRoutes,
  ...fleetRoutes,
]
