import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { describeOnEmulatorOnly } from '../support/describe-with-emulator.ts'
import type { FirestoreEmulator } from '../support/firestore-emulator.ts'
import { create, DENIED, get, list, remove, replace, seed, startWithRules, tokenOf } from './rules-client.ts'

const ENTRY = { tenantId: 'acme', path: 'vault/person/acme/ada/acme%2Fgithub', value: 'sealed' }
const CALLERS = [
  ['an operator', tokenOf({ tenant_id: 'acme', roles: ['operator', 'auditor'] })],
  ['the person whose it is', tokenOf({ tenant_id: 'acme', sub: 'ada', roles: [] })],
  ['anybody', undefined],
] as const

describeOnEmulatorOnly('state of the gateway', () => {
  let emulator: FirestoreEmulator

  beforeAll(async () => {
    emulator = await startWithRules()
    await seed('/gateway_state/s', ENTRY)
  })
  afterAll(() => emulator.stop())

  test.each(CALLERS)('is neither read nor written by %s', async (_, token) => {
    const answers = [
      await get('/gateway_state/s', token),
      await list('gateway_state', token),
      await list('gateway_state', token, 'acme'),
      await create('gateway_state', token, ENTRY),
      await replace('/gateway_state/s', token, ENTRY),
      await remove('/gateway_state/s', token),
    ]
    expect(answers).toEqual(answers.map(() => DENIED))
  })
})
