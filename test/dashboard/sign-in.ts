import { LOCAL_ISSUER } from '../../src/identity/local-names.ts'
import type { TestApp } from '../support/test-app.ts'

/** The cookie of a browser in which somebody with those roles is signed in. */
export function cookieOf(app: TestApp, roles: readonly string[], tenantId = 'local'): string {
  const principal = {
    tenantId,
    subject: 'ann',
    agent: 'browser',
    roles,
    scopes: [],
    issuer: LOCAL_ISSUER,
    expiresAtMs: Date.now() + 600_000,
  }
  return app.identity.browserSessions.issue(principal).split(';', 1)[0] ?? ''
}

/** The CSRF token of the session of a cookie. */
export async function csrfOf(app: TestApp, cookie: string): Promise<string> {
  return (await app.identity.browserSessions.read(cookie))?.csrfToken ?? ''
}
