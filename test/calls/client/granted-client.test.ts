import { expect, test } from '@jest/globals'
import type { CallerClient } from '../../../src/calls/call.ts'
import { grantedClient } from '../../../src/calls/client/granted-client.ts'
import { server } from '../../support/offers.ts'

function client(capabilities: Record<string, unknown>): CallerClient {
  return { era: 'legacy', capabilities, logLevel: 'info', tell: () => undefined }
}

const everything = {
  elicitation: { form: {}, url: {} },
  sampling: { tools: {} },
  roots: { listChanged: true },
  experimental: { x: {} },
  extensions: { 'io.modelcontextprotocol/ui': { mimeTypes: ['text/html'] }, 'com.example/other': {} },
}

test('a server may ask for elicitations and samplings unless its document says otherwise, not for roots', () => {
  expect(grantedClient(client(everything), server()).capabilities).toEqual({
    elicitation: { form: {}, url: {} },
    sampling: { tools: {} },
    extensions: { 'io.modelcontextprotocol/ui': { mimeTypes: ['text/html'] } },
  })
})

test('a document can grant roots', () => {
  const granting = server({ clientCapabilities: ['roots'] })
  expect(grantedClient(client({ roots: {}, sampling: {} }), granting).capabilities).toEqual({ roots: {} })
})

test('a server that is granted nothing sees a client that can do nothing', () => {
  const strict = server({ clientCapabilities: [] })
  expect(grantedClient(client({ roots: {}, sampling: {} }), strict).capabilities).toEqual({})
})

test('what a client did not declare is not granted', () => {
  expect(grantedClient(client({}), server()).capabilities).toEqual({})
  expect(grantedClient(client({ sampling: 'yes' }), server()).capabilities).toEqual({})
})
