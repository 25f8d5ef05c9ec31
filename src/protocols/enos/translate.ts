import type { Device } from '../../core/device/device.ts'
import type { FirmwareFile, LocalisedText } from '../../core/firmware/firmware.ts'
import type { Organisation } from '../../core/organisation/organisation.ts'
import type { Product } from '../../core/product/product.ts'
import { assetIdOf, deviceKeyOf, fileUrlOf, orgIdOf, productKeyOf } from './names.ts'

export interface StringI18n {
  readonly defaultValue: string
  readonly i18nValue: Readonly<Record<string, string>>
}

export function toStringI18n(text: LocalisedText): StringI18n {
  return { defaultValue: text.default, i18nValue: text.locales }
}

/** [enos 3.3] productKey is the one key that may be missing. */
export interface FirmwareInfo {
  readonly orgId: string
  readonly firmwareId: string
  readonly productKey?: string
  readonly name: StringI18n
  readonly version: string
  readonly desc: string | null
  readonly signMethod: string
  readonly sign: string
  readonly fileUrl: string
  readonly fileSize: number
  readonly isVerified: boolean
  readonly enableVerification: boolean
  readonly createTime: number
  readonly firmwareTags: Readonly<Record<string, string>>
  readonly maxAllowedForVerification: number
  readonly minSuccessForVerified: number
}

export interface FirmwareContext {
  readonly organisation: Organisation
  /** The product that the firmware is bound to; undefined for none. */
  readonly product: Product | undefined
  readonly productKeyInReplies: 'bound' | 'never'
}

/** [enos 3.2] keys, order and types of the vendor's page */
export function toFirmwareInfo({ firmware, artifact }: FirmwareFile, context: FirmwareContext): FirmwareInfo {
  const { verification, declaredDigest } = firmware
  return {
    orgId: orgIdOf(context.organisation),
    firmwareId: firmware.id,
    ...shownProductKey(context),
    name: toStringI18n(firmware.name),
    version: firmware.version,
    desc: firmware.description,
    signMethod: declaredDigest.method,
    sign: declaredDigest.value,
    fileUrl: fileUrlOf(firmware.fileAlias),
    fileSize: artifact.size,
    isVerified: verification.verified,
    enableVerification: verification.enabled,
    createTime: firmware.createdAt,
    firmwareTags: firmware.tags,
    maxAllowedForVerification: verification.maxDevices,
    minSuccessForVerified: verification.minSucceeded,
  }
}

/**
 * [enos 3.2] The vendor's page says that "new" files carry no product information and defines neither "old" nor "new":
 * it is shown for firmware that is bound to a product, unless configured away.
 */
export function shownProductKey({ product, productKeyInReplies }: FirmwareContext): { productKey?: string } {
  return product && productKeyInReplies === 'bound' ? { productKey: productKeyOf(product) } : {}
}

/** [enos 3.3] */
export interface DeviceFirmware {
  readonly orgId: string
  readonly assetId: string
  readonly productKey: string
  readonly deviceKey: string
  readonly firmwareVersion: string
  readonly isUpgrading: boolean
}

export function toDeviceFirmware(
  device: Device,
  context: {
    readonly organisation: Organisation
    readonly product: Product
    readonly version: string
    readonly isUpgrading: boolean
  },
): DeviceFirmware {
  return {
    orgId: orgIdOf(context.organisation),
    assetId: assetIdOf(device),
    productKey: productKeyOf(context.product),
    deviceKey: deviceKeyOf(device),
    firmwareVersion: context.version,
    isUpgrading: context.isUpgrading,
  }
}

/** [enos 5.2] an offer as devices get it, pushed or pulled */
export interface DeviceOffer {
  readonly version: string
  readonly sign: string
  readonly signMethod: string
  readonly fileUrl: string
  readonly fileSize: number
}

export function toDeviceOffer({ firmware, artifact }: FirmwareFile, fileUrl: string): DeviceOffer {
  const { method, value } = firmware.declaredDigest
  return { version: firmware.version, sign: value, signMethod: method, fileUrl, fileSize: artifact.size }
}
