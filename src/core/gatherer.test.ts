import { expect, it } from 'vitest'
import { Gatherer } from './gatherer.ts'

/** Work that stands still until it is told to go on, and keeps the groups that it was given. */
function slowWork() {
  const groups: string[][] = []
  const waiting: Array<() => void> = []
  const work = async (gather: () => readonly string[]) => {
    groups.push([...gather()])
    await new Promise<void>((resolve) => waiting.push(resolve))
    return gather().map((item) => item.toUpperCase())
  }
  const goOn = async () => {
    waiting.shift()?.()
    for (let turn = 0; turn < 10; turn++) await undefined
  }
  return { groups, work, goOn }
}

const letters = (count: number) => Array.from({ length: count }, (_, index) => `n${index}`)

it('serves whoever comes first at once, and all who come meanwhile together', async () => {
  const { groups, work, goOn } = slowWork()
  const gatherer = new Gatherer<string, string>({ most: 10 }, work)
  const answers = ['a', 'b', 'c'].map((item) => gatherer.add(item))
  expect(groups).toEqual([['a']])
  await goOn()
  expect(groups).toEqual([['a'], ['b', 'c']])
  await goOn()
  expect(await Promise.all(answers)).toEqual(['A', 'B', 'C'])
  void gatherer.add('d')
  expect(groups).toHaveLength(3)
})

it('takes no more into a group than it may hold, and at least one', async () => {
  const { groups, work, goOn } = slowWork()
  const gatherer = new Gatherer<string, string>({ most: 4, weigh: ({ length }) => length }, work)
  const answers = ['a', 'bb', 'cc', 'd', 'eeeeee', 'f'].map((item) => gatherer.add(item))
  for (let group = 0; group < 5; group++) await goOn()
  expect(groups).toEqual([['a'], ['bb', 'cc'], ['d'], ['eeeeee'], ['f']])
  expect(await Promise.all(answers)).toHaveLength(6)
})

it('begins another group beside those at work only for many, and not more than it may', async () => {
  const { groups, work } = slowWork()
  const gatherer = new Gatherer<string, string>({ most: 100, groups: 3 }, work)
  for (const item of letters(1 + 15)) void gatherer.add(item)
  expect(groups.map(({ length }) => length)).toEqual([1])
  void gatherer.add('the sixteenth')
  expect(groups.map(({ length }) => length)).toEqual([1, 16])
  for (const item of letters(31)) void gatherer.add(item)
  expect(groups).toHaveLength(2)
  for (const item of letters(100)) void gatherer.add(item)
  expect(groups.map(({ length }) => length)).toEqual([1, 16, 32])
})

it('fails for the group alone whose work failed, and lets one answer of it fail alone', async () => {
  const gatherer = new Gatherer<string, string>({ most: 10 }, async (gather) => {
    if (gather().includes('bad')) throw new Error('no')
    return gather().map((item) => (item === 'worse' ? Promise.reject(new Error('never')) : item))
  })
  const answers = ['good', 'worse', 'fine'].map((item) => gatherer.add(item))
  expect((await Promise.allSettled(answers)).map(({ status }) => status)).toEqual([
    'fulfilled',
    'rejected',
    'fulfilled',
  ])
  await expect(gatherer.add('bad')).rejects.toThrow('no')
  expect(await gatherer.add('good')).toBe('good')
})

it('fails for those who wait when the work fails before it asks who they are', async () => {
  const gatherer = new Gatherer<string, string>({ most: 10 }, async () => {
    throw new Error('the database is closed')
  })
  await expect(Promise.all([gatherer.add('a'), gatherer.add('b')])).rejects.toThrow('the database is closed')
})
