import { describe, expect, test } from 'vitest'
import type { FirmwareFile } from '../../core/firmware/firmware.ts'
import type { Module } from '../../core/product/product.ts'
import { parseListQuery } from './list-query.ts'
import { otaFiles } from './ota-file.ts'
import { selectFiles } from './select-files.ts'

const modules: Module[] = [module(11, 'display-app', true), module(12, 'radio', false)]

const files = otaFiles(
  [
    file(1, { version: '1.10.0', module: 11, createdAt: 30 }),
    file(2, { version: '1.9.0', module: 12, createdAt: 20, notes: 'Fixes ICE' }),
    file(3, { version: 'v2.0.0', module: 11, createdAt: 20, active: false }),
    file(4, { version: '1.10.0-rc.1', module: 12, createdAt: 10, releasedAt: 5 }),
    file(5, { version: 'build-a', module: null, createdAt: 40 }),
  ],
  { modules, isGranted: false },
)

const select = (query: Record<string, string>) => {
  const { page, total } = selectFiles(files, parseListQuery(query))
  return [page.map(({ firmware }) => firmware.serial), total]
}

describe('a selection', () => {
  test.each([
    [{}, [4, 2, 3, 1, 5]],
    [{ sortOrder: 'desc' }, [5, 1, 2, 3, 4]],
    [{ sort: 'id', sortOrder: 'DESC' }, [5, 4, 3, 2, 1]],
    [{ sort: 'version' }, [2, 4, 1, 5, 3]],
    [{ sort: 'version', sortOrder: 'desc' }, [1, 4, 2, 3, 5]],
    [{ sort: 'module' }, [1, 3, 5, 2, 4]],
    [{ sort: 'isActive' }, [3, 1, 2, 4, 5]],
    [{ sort: 'releaseDate', sortOrder: 'desc' }, [4, 1, 2, 3, 5]],
  ])('of %j is ordered %j', (query, order) => {
    expect(select(query)).toEqual([order, 5])
  })

  test.each([
    [{ module: 'radio' }, [4, 2]],
    [{ module: 'display-app', isActive: '1' }, [1, 5]],
    [{ searchTerm: 'ice' }, [2]],
    [{ searchTerm: 'RADIO', searchFields: 'version,module' }, [4, 2]],
    [{ searchTerm: 'radio', searchFields: 'version' }, []],
    [{ searchTerm: '', searchFields: '' }, [4, 2, 3, 1, 5]],
    [{ searchTerm: '.*' }, []],
  ])('by %j has %j', (query, chosen) => {
    expect(select(query)).toEqual([chosen, chosen.length])
  })

  test('counts what lies outside the page', () => {
    expect(select({ limit: '2', offset: '1' })).toEqual([[2, 3], 5])
    expect(select({ offset: '9007199254740991' })).toEqual([[], 5])
  })

  test('takes firmware without a module for the primary one', () => {
    expect(files.find(({ firmware }) => firmware.serial === 5)?.module.key).toBe('display-app')
  })
})

function module(serial: number, key: string, isPrimary: boolean): Module {
  const row = { serial, id: `${serial}`, createdAt: 0, revision: 1, organisation: 1, product: 7 }
  return { ...row, key, name: key, isPrimary }
}

interface Given {
  readonly version: string
  readonly module: number | null
  readonly createdAt: number
  readonly notes?: string
  readonly active?: boolean
  readonly releasedAt?: number
}

function file(serial: number, given: Given): FirmwareFile {
  const row = { serial, id: `${serial}`, createdAt: given.createdAt, revision: 1, organisation: 1 }
  const digests = { sha256: 'aa', sha1: 'bb', md5: 'cc', size: 3 }
  return {
    artifact: { ...row, ...digests, firmware: serial, name: 'image.bin', isPrimary: true },
    firmware: {
      ...row,
      product: 7,
      module: given.module,
      version: given.version,
      sequence: null,
      fromVersions: null,
      scope: 'library',
      sealed: false,
      active: given.active ?? true,
      withdrawn: false,
      name: { default: given.version, locales: {} },
      description: null,
      notes: given.notes ?? '',
      tags: {},
      verification: { enabled: false, verified: false, maxDevices: 1, minSucceeded: 1 },
      declaredDigest: { method: 'sha256', value: 'aa' },
      fileAlias: `${serial}.bin`,
      warnings: [],
      releasedAt: given.releasedAt ?? null,
      signature: null,
    },
  }
}
