import { Router } from 'express'
import type { Limits } from '../../calls/limits/limits.ts'
import type { LiveSession } from '../../catalog/view-watch.ts'
import type { Upstreams } from '../../upstream/upstreams.ts'
import { explainRoutes, type ExplainOptions } from './explain.ts'
import { matrixRoutes } from './matrix.ts'
import { limitObstacles, offerObstacles, serverObstacles } from './obstacles.ts'
import { type SessionRouteOptions, sessionRoutes } from './sessions.ts'
import { simulateRoutes, type SimulateOptions } from './simulate.ts'
import { whoamiRoutes } from './whoami.ts'

/** What the routes about access use in addition to what other routes use. */
export interface AccessParts extends Pick<ExplainOptions, 'issuers' | 'claimPlaces'> {
  readonly limits: Pick<Limits, 'usedUp'>
  /** The sessions of this process, with what decides about their views. */
  readonly watched: () => readonly LiveSession[]
  readonly sessions: SessionRouteOptions['sessions']
}

/** Who am I, who may use what and why, and what an edit would change. */
export function accessRoutes({
  access,
  ...options
}: {
  access: AccessParts
  upstreams: Pick<Upstreams, 'status'>
} & Pick<SimulateOptions, 'catalog' | 'store' | 'rules' | 'platformAdminRole'> &
  Omit<SessionRouteOptions, 'sessions'>): Router {
  const { catalog, upstreams, store, rules, platformAdminRole, acts, clock, logger } = options
  const { issuers, claimPlaces, limits, watched, sessions } = access
  const obstacles = [
    serverObstacles({ upstreams, platformAdminRole }),
    limitObstacles({ limits }),
    offerObstacles,
  ]
  const router = Router()
  router.use(whoamiRoutes(issuers))
  router.use(explainRoutes({ catalog, obstacles, issuers, claimPlaces, platformAdminRole }))
  router.use(matrixRoutes({ catalog }))
  router.use(simulateRoutes({ catalog, store, rules, platformAdminRole, sessions: watched }))
  router.use(sessionRoutes({ sessions, clock, acts, logger }))
  return router
}
