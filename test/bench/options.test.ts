import { expect, test } from '@jest/globals'
import { optionsFrom } from '../../bench/options.ts'

test('without options everything is measured with 1 and 32 callers in 3 rounds', () => {
  expect(optionsFrom([])).toMatchObject({
    command: 'calls',
    callers: [1, 32],
    calls: 5000,
    warmUp: 50_000,
    rounds: 3,
    settling: 2,
    only: [],
    peers: false,
    bytes: 0,
  })
})

test('a short run is that of two systems with 32 callers, unless an option says otherwise', () => {
  expect(optionsFrom(['--short'])).toMatchObject({ callers: [32], only: ['modern', 'rest'] })
  expect(optionsFrom(['--short', '--callers', '4'])).toMatchObject({ callers: [4], only: ['modern', 'rest'] })
})

test('what is measured was called before as often as V8 needs to compile it, and less where calls are large', () => {
  expect(optionsFrom(['--short']).warmUp).toBe(20_000)
  expect(optionsFrom(['results']).warmUp).toBe(5000)
  expect(optionsFrom(['results', '--warm-up', '7']).warmUp).toBe(7)
})

test('rounds that do not count come before the others, in a short run none', () => {
  expect(optionsFrom(['--short']).settling).toBe(0)
  expect(optionsFrom(['--settling', '0']).settling).toBe(0)
  expect(optionsFrom(['scale']).settling).toBe(1)
  expect(() => optionsFrom(['--settling', '1.5'])).toThrow(
    '--settling has to be zero or a positive integer: 1.5',
  )
})

test('sizes have units of 1,024', () => {
  expect(optionsFrom(['--payload', '64KB']).bytes).toBe(65_536)
  expect(optionsFrom(['--payload', '5MB']).bytes).toBe(5_242_880)
  expect(() => optionsFrom(['--payload', 'much'])).toThrow('--payload has to be a size such as 64KB: much')
})

test('scenarios have defaults of their own for the number of callers', () => {
  expect(optionsFrom(['results'])).toMatchObject({ command: 'results', callers: [8] })
  expect(optionsFrom(['scale', '--callers', '2'])).toMatchObject({ command: 'scale', callers: [2] })
  expect(() => optionsFrom(['scale', 'lists'])).toThrow('One scenario at a time: scale lists')
})

test('a run may fail where a gateway costs more than so many times the bare proxy, by default never', () => {
  expect(optionsFrom([]).atMost).toBe(Infinity)
  expect(optionsFrom(['--at-most', '2.5']).atMost).toBe(2.5)
  expect(() => optionsFrom(['--at-most', 'little'])).toThrow('--at-most has to be a positive number: little')
})
