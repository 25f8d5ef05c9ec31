import type { Serial } from '../../core/common.ts'
import type { FirmwareFile } from '../../core/firmware/firmware.ts'
import type { Module } from '../../core/product/product.ts'

/** One file that a caller may see. */
export interface OtaFile extends FirmwareFile {
  readonly product: Serial
  readonly module: Module
  /** Only active files can be downloaded. */
  readonly isActive: boolean
}

export interface OtaFileView {
  /** Modules of every product that occurs in the files. */
  readonly modules: readonly Module[]
  /** What a managed product grants to a device is active for it: the flag speaks of the free choice alone. */
  readonly isGranted: boolean
}

/** Files whose product or module is unknown to the view are left out; firmware without a module is the primary one's. */
export function otaFiles(files: readonly FirmwareFile[], view: OtaFileView): OtaFile[] {
  const modules = new Map(view.modules.map((module) => [module.serial, module]))
  const primaries = new Map(view.modules.filter((one) => one.isPrimary).map((one) => [one.product, one]))
  return files.flatMap((file) => {
    const { product, module: serial, active } = file.firmware
    if (product === null) return []
    const module = serial === null ? primaries.get(product) : modules.get(serial)
    if (module === undefined) return []
    return [{ firmware: file.firmware, artifact: file.artifact, product, module, isActive: active || view.isGranted }]
  })
}
