import { expect, test } from '@jest/globals'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import { RevokedGrants } from '../../../src/identity/own-issuer/revoked-grants.ts'
import { Sender } from '../../../src/mcp/conversation.ts'
import { relayedJson, relayedRequest } from '../../../src/mcp/relay/relayed-request.ts'
import { FakeClock } from '../../support/fake-clock.ts'

test('a request keeps the grant of its token at another replica, whose revocation ends what it opens', () => {
  const clock = new FakeClock()
  const [here, there] = [new RevokedGrants({ clock }), new RevokedGrants({ clock })]
  const principal = {
    tenantId: 'acme',
    subject: 'ann',
    agent: 'claude',
    roles: ['reader'],
    scopes: [],
    issuer: 'https://id.example',
    expiresAtMs: clock.now() + 60_000,
    grant: here.grant('of-claude'),
  }
  const sender = new Sender({ principal, requestId: 'one' }, 'files')
  const request = { method: 'POST', get: () => undefined, body: { jsonrpc: '2.0', method: 'ping', id: 1 } }
  const sent = JSON.stringify(relayedJson(request, { sessionId: 'of-ann', sender }))
  const received = relayedRequest(JSON.parse(sent) as JsonObject, (id) => there.grant(id))
  const ended: string[] = []
  received?.sender.identity.principal.grant?.onRevoked(() => ended.push('the stream'))
  there.revoke('of-claude')
  expect([received?.sender.scope, ended]).toEqual(['files', ['the stream']])
})
