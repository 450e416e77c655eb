import { join } from 'node:path'
import { type ServerDefinition, serverDocumentSchema } from '../../src/domain/documents/server-definition.ts'
import { startsCompiled } from './compiled.ts'

const UPSTREAMS = join(import.meta.dirname, 'upstreams')

/** A definition as the registry would make it of the given fields. */
export function definitionOf(fields: Record<string, unknown>): ServerDefinition {
  return serverDocumentSchema.parse({ name: 'sample', tenantId: 'acme', ...fields })
}

/** A stdio server that runs a program of `test/support/upstreams` with the node that runs the tests. */
export function programOf(
  file: string,
  args: readonly string[] = [],
  { env, ...fields }: Record<string, unknown> & { env?: Record<string, string> } = {},
): ServerDefinition {
  return definitionOf({
    transport: 'stdio',
    command: process.execPath,
    args: [join(UPSTREAMS, file), ...args],
    env: { ...startsCompiled.env, ...env },
    ...fields,
  })
}
