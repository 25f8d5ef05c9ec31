import { AccessKeyService } from './access/access-key-service.ts'
import { AccessTokenService } from './access/access-token-service.ts'
import { AccountService } from './account/account-service.ts'
import { ApiTokenService } from './account/api-token-service.ts'
import { AssignmentService } from './assignment/assignment-service.ts'
import { DataFileService } from './data-file/data-file-service.ts'
import { CredentialService } from './device/credential-service.ts'
import { DeviceService } from './device/device-service.ts'
import { EnrolmentService } from './device/enrolment-service.ts'
import { GroupService } from './device/group-service.ts'
import { LastSeen } from './device/last-seen.ts'
import type { DeviceGateway } from './device-gateway.ts'
import { DeployService } from './firmware/deploy-service.ts'
import { FirmwareService } from './firmware/firmware-service.ts'
import { FloorService } from './floor/floor-service.ts'
import { createDeviceGateway } from './gateway/create-device-gateway.ts'
import { type CoreLimits, DEFAULT_CORE_LIMITS } from './limits.ts'
import { OrganisationService } from './organisation/organisation-service.ts'
import type { Ports } from './ports.ts'
import { ProductService } from './product/product-service.ts'
import { ReleaseService } from './release/release-service.ts'
import { RolloutMemberService } from './rollout/member-service.ts'
import { releaseSlot } from './rollout/outcome.ts'
import { PlanService } from './rollout/plan/plan-service.ts'
import { RolloutControl } from './rollout/rollout-control.ts'
import { RolloutService } from './rollout/rollout-service.ts'
import { UndoService } from './rollout/undo-service.ts'
import type { ServiceDeps } from './service.ts'
import { UpdateService } from './update/update-service.ts'
import { WebhookService } from './webhook/webhook-service.ts'

/** A service per feature, for operators. */
export interface Services {
  readonly organisations: OrganisationService
  readonly accounts: AccountService
  readonly apiTokens: ApiTokenService
  readonly accessKeys: AccessKeyService
  readonly products: ProductService
  readonly devices: DeviceService
  readonly enrolments: EnrolmentService
  readonly groups: GroupService
  readonly credentials: CredentialService
  readonly firmware: FirmwareService
  readonly deploys: DeployService
  readonly floors: FloorService
  readonly releases: ReleaseService
  readonly assignments: AssignmentService
  readonly updates: UpdateService
  readonly dataFiles: DataFileService
  readonly webhooks: WebhookService
  readonly rollouts: RolloutService
  readonly rolloutControl: RolloutControl
  readonly rolloutMembers: RolloutMemberService
  readonly undos: UndoService
  readonly plans: PlanService
}

/** The whole domain over its ports: the gateway for devices, the services for operators. */
export interface Core extends Services {
  readonly deps: ServiceDeps
  readonly gateway: DeviceGateway
  readonly lastSeen: LastSeen
  readonly accessTokens: AccessTokenService
}

export function createCore(ports: Ports, limits: Partial<CoreLimits> = {}): Core {
  const deps: ServiceDeps = { ...ports, limits: { ...DEFAULT_CORE_LIMITS, ...limits } }
  const lastSeen = new LastSeen(ports.storage)
  const gateway = createDeviceGateway(ports, deps.limits, lastSeen)
  const services = createServices(deps)
  const accessTokens = new AccessTokenService(deps, services.accessKeys)
  return { deps, lastSeen, gateway, accessTokens, ...services }
}

/** The service of updates alone, for a job that writes through a storage of its own. */
export function createUpdateService(deps: ServiceDeps): UpdateService {
  return new UpdateService(deps, { onOfferExpired: releaseSlot })
}

export function createServices(deps: ServiceDeps): Services {
  const credentials = new CredentialService(deps)
  const devices = new DeviceService(deps, credentials)
  const rolloutControl = new RolloutControl(deps)
  const rollouts = new RolloutService(deps)
  const undos = new UndoService(deps, rolloutControl)
  return {
    credentials,
    organisations: new OrganisationService(deps),
    accounts: new AccountService(deps),
    apiTokens: new ApiTokenService(deps),
    accessKeys: new AccessKeyService(deps),
    products: new ProductService(deps),
    devices,
    enrolments: new EnrolmentService(deps, { devices, credentials }),
    groups: new GroupService(deps),
    firmware: new FirmwareService(deps),
    deploys: new DeployService(deps),
    floors: new FloorService(deps),
    releases: new ReleaseService(deps),
    assignments: new AssignmentService(deps),
    updates: createUpdateService(deps),
    dataFiles: new DataFileService(deps),
    webhooks: new WebhookService(deps),
    rollouts,
    rolloutControl,
    rolloutMembers: new RolloutMemberService(deps),
    undos,
    plans: new PlanService(deps, { rollouts, undos }),
  }
}
