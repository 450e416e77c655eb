import { type Request, Router } from 'express'
import { z } from 'zod'
import type { Catalog } from '../catalog/catalog.ts'
import { pageOf } from '../catalog/page.ts'
import type { CatalogItem } from '../catalog/server-catalog.ts'
import { isForModels } from '../catalog/ui-tools.ts'
import { GatewayError } from '../domain/errors/errors.ts'
import { isJsonObject, type JsonObject } from '../domain/json/json.ts'
import { refusalOfHeld } from '../calls/authorize.ts'
import type { Operation } from '../calls/call.ts'
import type { Calls } from '../calls/calls.ts'
import { METHODS } from '../calls/methods.ts'
import { checkArguments } from '../calls/argument-check.ts'
import { reasonsForNone } from './access/empty-list.ts'
import { ListAnswers } from './list-answer.ts'
import { methodNotAllowed } from './method-not-allowed.ts'
import { argumentsOrNone, bodyOf, pageQuery, queryOf } from './query.ts'
import { answerWith, callerOf } from './run.ts'
import { described, keptTexts, mentions, toolListText, toolsForModels, wordsOf } from './tool-list.ts'

/** What a list of tools is asked for with. */
export const toolsQuery = z.object({
  ...pageQuery,
  server: z.string().max(40).optional(),
  query: z.string().max(256).optional(),
  view: z.enum(['full', 'brief']).default('full').describe('`brief`: without schemas and annotations'),
})
/** What a call of a tool has. Not a record schema: that would drop members of some names. */
export const callBody = z.strictObject({ arguments: argumentsOrNone })

/** `/v1/tools`: the caller's tools, one of them, and calling it. */
export function toolRoutes({ catalog, calls }: { catalog: Catalog; calls: Calls }): Router {
  const router = Router()
  const texts = keptTexts()
  const answers = new ListAnswers()

  router.get('/tools', async (request, response) => {
    const { limit, cursor, server, query, view: form } = queryOf(toolsQuery, request)
    const { principal } = callerOf(response)
    const view = catalog.viewOf(principal)
    const tools = toolsForModels(view, server)
    const isWanted = (name: string): boolean => server === undefined || name === server
    const words = query === undefined ? [] : wordsOf(query)
    const wanted = words.length === 0 ? tools : tools.filter((tool) => mentions(tool, words))
    const of = { principal, scope: undefined, list: JSON.stringify(['/v1/tools', server, query]) }
    const page = pageOf(wanted, cursor, limit, of)
    const more = {
      ...(page.nextCursor !== undefined && { nextCursor: page.nextCursor }),
      missingServers: view.missing.filter(isWanted),
      staleServers: view.stale.filter(isWanted),
      ...(wanted.length === 0 && { emptyBecause: reasonsForNone(catalog.source(), principal) }),
    }
    const [isSearch, isBrief] = [words.length > 0, form === 'brief']
    await answers.send(
      request,
      response,
      toolListText(texts, { ...page, view, server, isSearch, isBrief, more }),
    )
  })

  router.get('/tools/:toolId', (request, response) => {
    response.json(described(visibleTool(catalog, callerOf(response).principal, request.params.toolId)))
  })

  router.post('/tools/:toolId', async (request, response) => {
    const name = request.params.toolId
    const args = argumentsOf(request)
    const tool = catalog.viewOf(callerOf(response).principal).toolsByName.get(name)
    const operation = toolOperation(name, args, tool)
    await answerWith(calls, request, response, operation, withIsError)
  })

  router.all('/tools', methodNotAllowed('GET'))
  router.all('/tools/:toolId', methodNotAllowed('GET, POST'))
  return router
}

/** What most callers send by mistake are the arguments themselves. */
function argumentsOf(request: Request): JsonObject {
  const body: unknown = request.body
  const names = isJsonObject(body) ? Object.keys(body).filter((name) => name !== 'arguments') : []
  if (names.length === 0) return bodyOf(callBody, request).arguments
  const problems = names.slice(0, 10).map((name) => `${name.slice(0, 64)}: unknown field`)
  throw new GatewayError('invalid_request', `${problems.join('; ')}; expected {"arguments": {…}}`, {
    facts: { problems },
  })
}

/** The operation that calls a tool with arguments, which are checked if the tool is known. */
export function toolOperation(
  name: string,
  args: JsonObject,
  tool: CatalogItem | undefined,
): Pick<Operation, 'action' | 'kind' | 'name' | 'method' | 'params' | 'check'> {
  return {
    action: 'call',
    kind: 'tool',
    name,
    method: METHODS.toolsCall,
    params: { name, arguments: args },
    ...(tool !== undefined && { check: () => checkCall(tool, args) }),
  }
}

function visibleTool(
  catalog: Catalog,
  principal: Parameters<Catalog['viewOf']>[0],
  name: string,
): CatalogItem {
  const tool = catalog.viewOf(principal).toolsByName.get(name)
  if (tool !== undefined && isForModels(tool.listed)) return tool
  throw refusalOfHeld(principal, name, catalog) ?? unknownTool(name)
}

/** A tool that is only for an app has no caller over REST. @throws GatewayError */
function checkCall({ shownAs, listed }: CatalogItem, args: JsonObject): void {
  if (!isForModels(listed)) throw unknownTool(shownAs)
  checkArguments(listed, args)
}

function unknownTool(name: string): GatewayError {
  return new GatewayError('tool_not_found', `Unknown tool: ${name.slice(0, 256)}`)
}

/** REST callers can rely on `isError` being there. */
function withIsError(result: JsonObject): JsonObject {
  return { ...result, isError: result['isError'] === true }
}
