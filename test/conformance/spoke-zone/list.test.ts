import { describe, expect, test } from 'vitest'
import { fieldError, L, onEveryStorage } from './fixture.ts'

onEveryStorage((useFixture) => {
  describe('the list of v2', () => {
    const fixture = useFixture()
    const list = (query = '') => fixture().call(`${L}${query}`)
    const ids = async (query: string) => {
      const answer = await list(query)
      expect(answer.status).toBe(200)
      return answer.column('id')
    }
    const refusal = async (query: string) => {
      const answer = await list(query)
      expect(answer.status).toBe(400)
      return answer.json
    }

    test('row 1: has every file of the product, oldest first, with ids as strings', async () => {
      const answer = await list()
      expect(answer.status).toBe(200)
      expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8')
      expect(answer.headers.get('cache-control')).toBe('no-store')
      expect(answer.column('id')).toEqual(['12345', '67890', '70000', '70001'])
    })

    test('row 2: is narrowed by module and active flag, which is a boolean', async () => {
      const answer = await list('?module=display-app&isActive=1')
      expect(answer.column('id')).toEqual(['12345', '67890'])
      expect(answer.column('isActive')).toEqual([true, true])
    })

    test.each(['true', 'TRUE', '1', 'True'])('row 3: isActive=%s gives active files', async (value) => {
      expect(await ids(`?isActive=${value}`)).toEqual(['12345', '67890', '70001'])
    })

    test.each(['0', 'false', 'FALSE'])('row 4: isActive=%s gives inactive files', async (value) => {
      expect(await ids(`?isActive=${value}`)).toEqual(['70000'])
    })

    test.each(['maybe', '2', ''])('row 5: isActive=%s is refused', async (value) => {
      expect(await refusal(`?isActive=${value}`)).toEqual(fieldError('invalid-field', 'isActive'))
    })

    test('row 6: a module matches exactly, an empty one is refused', async () => {
      expect(await ids('?module=Display-App')).toEqual([])
      expect(await ids('?module=nope')).toEqual([])
      expect(await refusal('?module=')).toEqual(fieldError('invalid-field', 'module'))
    })

    test('row 7: a known parameter may be given once', async () => {
      expect(await refusal('?module=display-app&module=x')).toEqual(fieldError('invalid-field', 'module'))
    })

    test('row 8: pages by limit and offset, and counts before paging', async () => {
      const page = await list('?limit=2&offset=1')
      expect(page.column('id')).toEqual(['67890', '70000'])
      expect(page.headers.get('x-total-count')).toBe('4')
      const beyond = await list('?offset=99')
      expect(beyond.status).toBe(200)
      expect(beyond.json).toEqual([])
      expect(beyond.headers.get('x-total-count')).toBe('4')
    })

    test.each(['0', '-1', 'abc', '1001', '1e2', ''])('row 9: limit=%s is refused', async (value) => {
      expect(await refusal(`?limit=${value}`)).toEqual(fieldError('invalid-field', 'limit'))
    })

    test('row 10: sorts versions by precedence', async () => {
      expect(await ids('?sort=version&sortOrder=desc')).toEqual(['70000', '67890', '12345', '70001'])
      expect(await ids('?sort=version&sortOrder=DESC')).toEqual(['70000', '67890', '12345', '70001'])
      expect(await ids('?sort=version')).toEqual(['70001', '12345', '67890', '70000'])
    })

    test('row 11: unknown sort and order are refused', async () => {
      expect(await refusal('?sort=secret')).toEqual(fieldError('invalid-field', 'sort'))
      expect(await refusal('?sortOrder=up')).toEqual(fieldError('invalid-field', 'sortOrder'))
    })

    test('row 12: searches in the fields that are named', async () => {
      expect(await ids('?searchTerm=1.3&searchFields=version')).toEqual(['67890'])
      expect(await ids('?searchTerm=CAN-&searchFields=version,module')).toEqual(['70001'])
      expect(await ids('?searchTerm=CAN-&searchFields=version')).toEqual([])
      expect(await refusal('?searchTerm=1.3&searchFields=secret')).toEqual(fieldError('invalid-field', 'searchFields'))
    })

    test('row 13: ignores parameters that it does not know', async () => {
      expect(await ids('?foo=1&foo=2')).toEqual(['12345', '67890', '70000', '70001'])
    })

    test('names every bad parameter in one answer', async () => {
      expect(await refusal('?limit=0&isActive=x')).toMatchObject({
        errors: [{ details: { field: 'isActive' } }, { details: { field: 'limit' } }],
      })
    })

    test('accepts a trailing slash and answers HEAD without a body', async () => {
      expect((await list('/')).column('id')).toHaveLength(4)
      const head = await fixture().call(L, { method: 'HEAD' })
      expect(head.status).toBe(200)
      expect(head.headers.get('x-total-count')).toBe('4')
      expect(head.body).toHaveLength(0)
    })

    test('shows a user every product of the organisation and nothing of another', async () => {
      const token = await fixture().userToken()
      const answer = await fixture().call(`${L}?module=display-app`, { token })
      expect(answer.column('id')).toEqual(['12345', '67890', '70000', '80000'])
      expect(answer.column('modelId')).toEqual([7, 7, 7, 8])
    })
  })

  describe('an entry of the list', () => {
    const fixture = useFixture()

    test('has every field of the contract', async () => {
      await fixture().addFirmware({
        product: 7,
        module: 12,
        serial: 71000,
        version: '1.0.0',
        notes: 'Better',
        releasedAt: Date.UTC(2026, 1, 3),
        signature: 'c2ln',
      })
      const { clock } = fixture()
      const createdDate = new Date(clock.now()).toISOString()
      const answer = await fixture().call(`${L}?searchTerm=better`)
      expect(answer.json).toEqual([
        {
          id: '71000',
          version: '1.0.0',
          module: 'can-controller1',
          isActive: true,
          modelId: 7,
          moduleId: 12,
          fileLocation: '/api/v2/ota-files/71000/file',
          createdDate,
          releaseDate: '2026-02-03T00:00:00.000Z',
          releaseNotes: 'Better',
          sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
          size: 20,
          signature: 'c2ln',
        },
      ])
    })

    test('says what is not there: no notes are empty text, no dates null', async () => {
      const [first] = (await fixture().call(L)).json as Record<string, unknown>[]
      expect(first).toMatchObject({ releaseNotes: '', releaseDate: null, signature: null })
    })
  })

  describe('the list as the fleet changes', () => {
    const fixture = useFixture()
    const ids = async () => (await fixture().call(`${L}?isActive=1`)).column('id')

    test('follows activation, withdrawal and new files at once', async () => {
      const { core } = fixture().server
      expect(await ids()).toEqual(['12345', '67890', '70001'])
      await core.firmware.update(fixture().scope, await fixture().firmwareId(67890), { active: false })
      expect(await ids()).toEqual(['12345', '70001'])
      await core.firmware.update(fixture().scope, await fixture().firmwareId(70000), { active: true })
      expect(await ids()).toEqual(['12345', '70000', '70001'])
      await core.firmware.update(fixture().scope, await fixture().firmwareId(70001), { withdrawn: true })
      expect(await ids()).toEqual(['12345', '70000'])
      const module = await core.products.addModule(fixture().scope, 'display-7', { key: 'radio' })
      await fixture().addFirmware({ product: 7, module: module.serial, serial: 70002, version: '1.0.0' })
      expect(await ids()).toEqual(['12345', '70000', '70002'])
    })

    test('is empty while the organisation is frozen', async () => {
      const { core } = fixture().server
      await core.organisations.update(fixture().scope, { frozen: true })
      expect(await ids()).toEqual([])
      await core.organisations.update(fixture().scope, { frozen: false })
      expect(await ids()).toEqual(['12345', '70000', '70002'])
    })
  })
})
