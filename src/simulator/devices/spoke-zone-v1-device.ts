import { type SpokeZoneApi, SpokeZoneDevice, type SpokeZoneDeviceOptions } from './spoke-zone-device.ts'

const FIRMWARE = '/api/v1/deviceUser/read-only/models/firmware'

// [spoke-zone 3.D] [spoke-zone 3.E] no filter is documented: the device picks its module itself
const V1: SpokeZoneApi = {
  protocol: 'spoke-zone-v1',
  dialect: { id: 'firmware_id', version: 'version_number' },
  listPath: () => FIRMWARE,
  filePath: (id) => `${FIRMWARE}/${id}`,
}

/** A device in the field that still makes v1 calls. */
export class SpokeZoneV1Device extends SpokeZoneDevice {
  constructor(options: SpokeZoneDeviceOptions) {
    super(options, V1)
  }
}
