import { describe, expect, it } from 'vitest'
import type { DeviceEvent } from './device.ts'
import { LiveTable, render, renderLine } from './live-table.ts'

const downloading: DeviceEvent = {
  device: 'truck-17',
  protocol: 'iotaap',
  phase: 'downloading',
  version: '1.0.0',
  target: '1.2.7',
  progress: 50,
}
const failed: DeviceEvent = {
  device: 'a-display-with-a-long-name',
  protocol: 'spoke-zone',
  phase: 'failed',
  version: '1.2.3',
  detail: 'download: status 404',
}

describe('render', () => {
  it('aligns its columns', () => {
    expect(render([downloading, failed], 120)).toEqual([
      'DEVICE              PROTOCOL        STATE         VERSION                 PROGRESS           DETAIL',
      'truck-17            iotaap          downloading   1.0.0 -> 1.2.7          ██████░░░░░░ 50%',
      'a-display-with-a-…  spoke-zone      failed        1.2.3                                      download: status 404',
    ])
  })

  it.each([100, 80, 60, 40, 18, 5, 0])('keeps to %i columns', (width) => {
    for (const line of render([downloading, failed], width)) expect(line.length).toBeLessThanOrEqual(width)
  })

  it('drops whole columns from the right', () => {
    expect(render([downloading], 50)[1]).toBe('truck-17            iotaap          downloading')
  })
})

it('lets no server write control characters to the terminal', () => {
  const row = { ...failed, detail: 'a\n\x1b[2Jb' }
  expect(render([row], 120)[1]).toContain('a??[2Jb')
  expect(renderLine(row)).toContain('a??[2Jb')
})

describe('renderLine', () => {
  it('says what changed', () => {
    expect(renderLine(downloading)).toBe('truck-17 (iotaap) downloading 1.0.0 -> 1.2.7')
    expect(renderLine({ ...failed, target: '1.2.3' })).toBe(
      'a-display-with-a-long-name (spoke-zone) failed 1.2.3: download: status 404',
    )
  })
})

describe('LiveTable', () => {
  function stream(isTTY: boolean) {
    const writes: string[] = []
    return { writes, isTTY, columns: 120, write: (text: string) => writes.push(text) }
  }

  it('writes plain lines, one per phase, where there is no terminal', () => {
    const out = stream(false)
    const table = new LiveTable({ stream: out })
    table.update(downloading)
    table.update({ ...downloading, progress: 60 })
    table.update(failed)
    table.end()
    expect(out.writes).toEqual([`${renderLine(downloading)}\n`, `${renderLine(failed)}\n`])
  })

  it('redraws in place on a terminal, and not for every byte', () => {
    const out = stream(true)
    let now = 0
    const table = new LiveTable({ stream: out, now: () => now })
    table.update(downloading)
    table.update(failed)
    now = 100
    table.update({ ...downloading, progress: 100 })
    table.end()
    expect(out.writes).toHaveLength(3)
    expect(out.writes[0]).not.toContain('\x1b[2A')
    expect(out.writes[1]).toSatisfy((text: string) => text.startsWith('\x1b[2A\r\x1b[J'))
    expect(out.writes[2]).toSatisfy((text: string) => text.startsWith('\x1b[3A\r\x1b[J'))
    expect(out.writes[2]).toContain('100%')
    expect(out.writes[2]).toContain('download: status 404')
  })

  it('shows those that spoke last when there are too many', () => {
    const out = stream(true)
    const table = new LiveTable({ stream: out, now: () => 0, maxRows: 2 })
    for (const device of ['one', 'two', 'three', 'one']) table.update({ ...downloading, device })
    table.end()
    const last = out.writes.at(-1) ?? ''
    expect(last).toContain('one')
    expect(last).not.toContain('two ')
    expect(last).toContain('three')
    expect(last).toContain('… and 1 more')
  })
})
