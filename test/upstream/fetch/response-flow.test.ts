import { expect, test } from '@jest/globals'
import { ResponseFlow } from '../../../src/upstream/fetch/response-flow.ts'

test('a response that waits for several reasons is read again when there is none of them any more', () => {
  const told: string[] = []
  const source = { pause: () => told.push('pause'), resume: () => told.push('resume') }
  const flow = new ResponseFlow(() => source)
  flow.paced.pause()
  flow.held.pause()
  flow.paced.resume()
  flow.decoded.pause()
  flow.held.resume()
  expect(told).not.toContain('resume')
  flow.decoded.resume()
  expect(told.at(-1)).toBe('resume')
})

test('a response of which nothing comes any more is neither paused nor resumed', () => {
  let isOver = false
  const told: string[] = []
  const source = { pause: () => told.push('pause'), resume: () => told.push('resume') }
  const flow = new ResponseFlow(() => (isOver ? undefined : source))
  flow.held.pause()
  isOver = true
  flow.held.resume()
  flow.paced.pause()
  expect(told).toEqual(['pause'])
})
