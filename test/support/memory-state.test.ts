import { describe } from '@jest/globals'
import type { StateEntry } from '../../src/state/state-store.ts'
import { describeStore } from '../state/store-contract.ts'
import { memoryState } from './memory-state.ts'

const shared = new WeakMap<object, Map<string, StateEntry>>()

describe('state in memory', () => {
  describeStore((clock, of = {}) => {
    const entries = shared.get(of) ?? new Map<string, StateEntry>()
    shared.set(of, entries)
    return memoryState(clock, entries)
  })
})
