import type { RequestHandler, Router } from 'express'
import type { DashboardOptions } from './dashboard-routes.ts'

/** `/`, and `/dashboard` with all below it, in any case, as routes are found. */
const PAGES = /^\/(dashboard(\/|$)|$)/i

/**
 * The routes of `dashboardRoutes`, which are loaded with the first request for a page: they are many modules, and most
 * gateways serve programs.
 */
export function dashboardWhenAsked(options: DashboardOptions): RequestHandler {
  let loaded: Promise<Router> | undefined
  return async (request, response, next) => {
    if (!PAGES.test(request.path)) return next()
    loaded ??= import('./dashboard-routes.ts').then(({ dashboardRoutes }) => dashboardRoutes(options))
    const router = await loaded
    router(request, response, next)
  }
}
