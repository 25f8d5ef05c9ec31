import type { Serial } from '../../core/common.ts'
import type { Core } from '../../core/create-core.ts'
import type { DeviceFacts } from '../../core/device/device-facts.ts'
import type { FirmwareFile } from '../../core/firmware/firmware.ts'
import { loadFile } from '../../core/firmware/load-file.ts'
import type { Module } from '../../core/product/product.ts'
import { SCHEME } from './access-token.ts'
import { type OtaFile, otaFiles } from './ota-file.ts'

/** Rows that one query fetches when a user lists a library. */
const SLICE = 2_000

/** The catalogue view of a device: what it may choose from, in the order of creation. [spoke-zone 4.1] */
export function deviceFiles(facts: DeviceFacts, catalogue: readonly FirmwareFile[]): OtaFile[] {
  return otaFiles(catalogue, { modules: facts.modules, isGranted: facts.product?.distribution === 'managed' })
}

/** One file of a device's catalogue. */
export async function findDeviceFile(core: Core, facts: DeviceFacts, serial: Serial): Promise<OtaFile | undefined> {
  const catalogue = await core.gateway.catalogue(facts, SCHEME)
  const file = catalogue.find(({ firmware }) => firmware.serial === serial)
  return file && deviceFiles(facts, [file])[0]
}

/** The library of an organisation, all products: what its users see. */
export async function userFiles(core: Core, organisation: Serial): Promise<OtaFile[]> {
  const { firmware } = core.deps.storage.management
  const files: FirmwareFile[] = []
  for (;;) {
    const after = files.at(-1)?.firmware.serial
    const slice = { limit: SLICE, ...(after !== undefined && { after }) }
    const some = await firmware.listFiles({ organisation, scope: 'library', withdrawn: false }, slice)
    files.push(...some)
    if (some.length < SLICE) break
  }
  return otaFiles(files, { modules: await modulesOf(core, files), isGranted: false })
}

/** One file of an organisation's library. */
export async function findUserFile(core: Core, organisation: Serial, serial: Serial): Promise<OtaFile | undefined> {
  const file = await loadFile(core.deps.storage.read, serial)
  if (file?.firmware.organisation !== organisation) return undefined
  if (file.firmware.scope !== 'library' || file.firmware.withdrawn) return undefined
  return otaFiles([file], { modules: await modulesOf(core, [file]), isGranted: false })[0]
}

async function modulesOf(core: Core, files: readonly FirmwareFile[]): Promise<Module[]> {
  const products = new Set(files.map(({ firmware }) => firmware.product).filter((product) => product !== null))
  const modules: Module[] = []
  for (const product of products) modules.push(...(await core.deps.storage.read.modules.listByProduct(product)))
  return modules
}
