import type { Identity } from '../../identity/identity.ts'
import type { Look, Page } from '../markup/page.ts'
import type { RestClient } from './rest-client.ts'

/** One request of a person who is signed in. */
export interface Visit {
  readonly identity: Identity
  /** Proves that a write comes from a page of this gateway. */
  readonly csrfToken: string
  readonly rest: RestClient
  /** The named parts of the path, decoded. */
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  /** The fields of a form that was sent. */
  readonly form: URLSearchParams
  readonly look: Look
}

/** What answers a visit. */
export type Answer = Page | Redirect | Download

/** Leads the browser to another page, which it gets with `GET`. */
interface Redirect {
  /** A path of this gateway. */
  readonly to: string
}

/** A file to keep. */
export interface Download {
  readonly fileName: string
  readonly type: string
  readonly content: string
}

/** One row of the table of pages. */
export interface PageRoute {
  readonly method: 'get' | 'post'
  /** Below `/dashboard`. */
  readonly path: string
  /** Whether its form has a document or arguments, which may be as large as in a request of REST. */
  readonly hasLargeForm?: boolean
  readonly answer: (visit: Visit) => Promise<Answer> | Answer
}

/** Whether the person has a role in the own tenant. */
export function hasRole({ identity }: Visit, role: string): boolean {
  return identity.principal.roles.includes(role)
}
