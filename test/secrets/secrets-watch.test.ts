import { expect, test } from '@jest/globals'
import { serverKey, type ServerDefinition } from '../../src/domain/documents/server-definition.ts'
import { SecretsWatch } from '../../src/secrets/secrets-watch.ts'
import { definitionOf } from '../support/server-definitions.ts'
import { reference } from '../registry/secrets-source.ts'

const A = 'secret://acme_a'

function servers(...definitions: ServerDefinition[]): Map<string, ServerDefinition> {
  return new Map(definitions.map((server) => [serverKey(server), server]))
}

function stdio(name: string, env: Record<string, string>, fields = {}): ServerDefinition {
  return definitionOf({ transport: 'stdio', command: 'x', name, env, ...fields })
}

test('what happens to a secret concerns its users only, and its return only those that are down', () => {
  const told: string[] = []
  const watch = new SecretsWatch({
    users: {
      reconnect: (key, reason) => void told.push(`${key}: ${reason}`),
      isDown: (key) => key === 'acme/two',
    },
  })
  const used = watch.setServers(
    servers(
      stdio('one', { A }),
      stdio('two', { A, B: 'secret://acme_b' }),
      stdio('three', { C: 'secret://acme_a#1' }),
      stdio('four', { A }, { enabled: false }),
    ),
  )
  expect(used.map(({ text }) => text)).toEqual([A, 'secret://acme_b', 'secret://acme_a#1'])
  watch.rotated(reference(A))
  expect(told.splice(0)).toEqual([
    'acme/one: the value of secret://acme_a changed',
    'acme/two: the value of secret://acme_a changed',
  ])
  watch.recovered(reference(A))
  expect(told.splice(0)).toEqual(['acme/two: secret://acme_a is available again'])
  watch.setServers(servers(stdio('three', { C: 'secret://acme_a#1' })))
  watch.rotated(reference(A))
  expect(told).toEqual([])
})
