import type { Response, Router } from 'express'

/** How people sign in. */
export interface SignInMethod {
  /** Answers a browser that nobody is signed in with. @param returnTo where it goes afterwards, a path of the gateway */
  begin(
    response: Response,
    request: { readonly query: unknown; readonly returnTo: string },
  ): Promise<void> | void
  /** Further routes that the method needs. */
  readonly routes: Router
}
