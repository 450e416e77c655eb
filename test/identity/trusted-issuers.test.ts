import { pino } from 'pino'
import { expect, test } from '@jest/globals'
import { TrustedIssuers } from '../../src/identity/trusted-issuers.ts'
import { loadSettings } from '../../src/config/load.ts'
import type { IssuerSettings } from '../../src/config/issuers.ts'
import { systemClock } from '../../src/domain/clock.ts'

const { issuers: configured } = loadSettings({
  OIDC_ISSUER: 'https://id.example.com',
  OIDC_AUDIENCE: 'https://tools.example.com',
})

function warnings(fixed: readonly IssuerSettings[], ofTenants: readonly IssuerSettings[]): unknown[] {
  const lines: string[] = []
  const logger = pino({ base: null, timestamp: false }, { write: (line) => lines.push(line) })
  const issuers = new TrustedIssuers({
    issuers: fixed,
    localIssuer: undefined,
    publicUrl: 'https://tools.example.com',
    clock: systemClock,
    logger,
  })
  issuers.setTenantIssuers(ofTenants)
  issuers.warnIfNone()
  issuers.close()
  return lines.map((line) => (JSON.parse(line) as { msg: string }).msg)
}

test('a gateway that no token can open says so, and is silent once there is one issuer anywhere', () => {
  expect(warnings([], [])).toEqual([
    'no identity provider is set, so every request is rejected: set OIDC_ISSUER, or name an issuer in the document of a tenant',
  ])
  expect(warnings(configured, [])).toEqual([])
  expect(warnings([], configured)).toEqual([])
})
