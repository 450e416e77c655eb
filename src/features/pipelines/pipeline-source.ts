import { builtinDefinition } from '../../domain/documents/server-definition.ts'
import type { Catalog } from '../../catalog/catalog.ts'
import type { Clock } from '../../domain/clock.ts'
import { Turns } from '../../domain/concurrency/turns.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import { isJsonObject } from '../../domain/json/json.ts'
import {
  PIPELINE_SERVER,
  type PipelineDefinition,
  pipelinesOf,
} from '../../domain/documents/pipeline-definition.ts'
import type { ToolOverride } from '../../domain/documents/tool-entries.ts'
import type { Snapshot } from '../../domain/snapshot.ts'
import { runPlan, type StepCall } from '../../pipelines/pipeline-run.ts'
import { type PipelinePlan, planOf } from '../../pipelines/plan.ts'
import { RunBudget } from '../../pipelines/run-budget.ts'
import { checkArguments } from '../../calls/argument-check.ts'
import type { Caller, Operation } from '../../calls/call.ts'
import type { Calls } from '../../calls/calls.ts'
import { METHODS } from '../../calls/methods.ts'
import { clientNameOf } from '../../calls/client/client-name.ts'
import type { ActiveRun } from './active-run.ts'
import {
  type BuiltinCall,
  type BuiltinServer,
  type BuiltinSource,
  type BuiltinTool,
} from '../builtin/builtin-server.ts'
import { ENHANCE_TOOL } from '../enhancement/enhance-tool.ts'
import type { PipelineCheck } from './pipeline-check.ts'
import type { PipelineRuns } from './pipeline-runs.ts'

/** What the tools of pipelines need to be offered and to run. */
export interface PipelineSourceOptions {
  readonly catalog: Catalog
  readonly check: PipelineCheck
  readonly runs: PipelineRuns
  /** What the steps go through, each under the caller's own rights. */
  readonly calls: () => Calls
  readonly clock: Clock
}

interface Shared extends PipelineSourceOptions {
  /** Of the callers that runs make their calls as: what a pipeline does in a pipeline counts for the first. */
  readonly budgets: WeakMap<Caller, RunBudget>
  readonly turns: Turns
}

/** Time that is left to say which step took too long. */
const MARGIN_MS = 100

/**
 * The servers named `pipeline`: one for each tenant that has pipelines, with its own and those for all tenants, and one
 * for all tenants.
 */
export function pipelineSource(options: PipelineSourceOptions): BuiltinSource {
  const shared: Shared = { ...options, budgets: new WeakMap(), turns: new Turns() }
  return ({ pipelines }: Snapshot) => {
    const enabled = [...pipelines.values()].filter((pipeline) => pipeline.enabled)
    const tenants = new Set(enabled.map(({ tenantId }) => tenantId))
    return [...tenants].map((tenantId) =>
      serverOf(shared, tenantId, [...pipelinesOf(enabled, tenantId).values()]),
    )
  }
}

function serverOf(
  options: Shared,
  tenantId: string,
  pipelines: readonly PipelineDefinition[],
): BuiltinServer {
  return {
    definition: builtinDefinition({
      name: PIPELINE_SERVER,
      tenantId,
      description: 'Chains of tool calls that the operator defined.',
      tools: Object.fromEntries(pipelines.map((pipeline) => [pipeline.name, overrideOf(pipeline)])),
    }),
    tools: pipelines.flatMap((pipeline) => {
      const planned = planOf(pipeline)
      return 'plan' in planned ? [toolOf(options, planned.plan)] : []
    }),
  }
}

function overrideOf({
  requiredRoles,
  agentAllowlist,
  approval,
  timeoutMs,
}: PipelineDefinition): ToolOverride {
  return {
    timeoutMs,
    ...(requiredRoles !== undefined && { requiredRoles }),
    ...(agentAllowlist !== undefined && { agentAllowlist }),
    ...(approval !== undefined && { approval }),
  }
}

function toolOf(options: Shared, plan: PipelinePlan): BuiltinTool {
  const { name, title, description, inputSchema } = plan.definition
  const definition = {
    name,
    ...(title !== undefined && { title }),
    description: description ?? `Runs the steps ${plan.steps.map(({ id }) => id).join(', ')}.`,
    inputSchema,
  }
  const check = (given: JsonObject, tenantId: string): void => {
    checkArguments(definition, withDefaults(inputSchema, given))
    refuseUnfit(options.check.problemsOf(plan, tenantId))
  }
  return {
    definition,
    check,
    run: async (given) => {
      const input = withDefaults(inputSchema, given.arguments)
      check(given.arguments, given.call.caller.principal.tenantId)
      const run = options.runs.begin(given.call, plan)
      return run.follow(() => runPipeline(options, plan, { given, input, run }))
    },
  }
}

async function runPipeline(
  shared: Shared,
  plan: PipelinePlan,
  { given, input, run }: { given: BuiltinCall; input: JsonObject; run: ActiveRun },
): Promise<JsonObject> {
  const { clock, budgets, turns } = shared
  const { call, signal, deadlineAt } = given
  const { caller, operation } = call
  const leftMs = deadlineAt - clock.monotonic()
  const own: Caller = {
    principal: caller.principal,
    transport: caller.transport,
    sessionId: caller.sessionId,
    requestId: caller.requestId,
    clientName: clientNameOf(caller, operation),
    address: caller.address,
  }
  const budget = budgets.get(caller) ?? new RunBudget()
  budgets.set(own, budget)
  return runPlan(plan, {
    input,
    call: (step) => callStep(shared, own, step),
    turn: () => turns.next(caller.principal.tenantId),
    budget,
    clock,
    timeoutMs: Math.max(1, leftMs - Math.min(MARGIN_MS, leftMs / 10)),
    signal: AbortSignal.any([signal, run.signal]),
    onStep: (news) => run.onStep(news),
    onProgress: (progress) => operation.onProgress?.(progress),
  })
}

/** Makes the call of a step. Its server cannot ask the client anything: the client waits for the pipeline. */
async function callStep(
  { calls, catalog, turns, budgets }: Shared,
  caller: Caller,
  { tool, arguments: given, signal, onProgress }: StepCall,
): Promise<JsonObject> {
  const name = tool ?? ENHANCE_TOOL
  const item = catalog.find('tool', caller.principal.tenantId, undefined, name)
  if (tool === undefined && item === undefined) return notEnhanced(given)
  const operation: Operation = {
    action: 'call',
    kind: 'tool',
    name,
    scope: undefined,
    method: METHODS.toolsCall,
    params: { name, arguments: given },
    isStep: true,
    ...(item !== undefined && { check: () => checkArguments(item.listed, given) }),
    signal,
    onProgress,
  }
  const run = async (): Promise<JsonObject> => {
    await turns.next(caller.principal.tenantId)
    return calls().run(caller, operation)
  }
  const isAnotherRun = name.startsWith(`${PIPELINE_SERVER}_`)
  const budget = budgets.get(caller)
  return isAnotherRun || budget === undefined ? run() : budget.inTurn(run)
}

/** What the enhancer would say where nothing is enhanced. */
function notEnhanced({ prompt }: JsonObject): JsonObject {
  const text = typeof prompt === 'string' ? prompt : JSON.stringify(prompt)
  return {
    content: [{ type: 'text', text }],
    structuredContent: { prompt: text, enhanced: false, reason: 'off' },
  }
}

function refuseUnfit(problems: readonly string[]): void {
  if (problems.length === 0) return
  throw new GatewayError('pipeline_invalid', problems.join('; ').slice(0, 2000), {
    facts: { problems, mayHaveExecuted: false },
  })
}

/** Values for what the caller left out, as the schema says. */
function withDefaults({ properties }: JsonObject, given: JsonObject): JsonObject {
  if (!isJsonObject(properties)) return given
  const defaults = Object.entries(properties).flatMap(([name, schema]) =>
    isJsonObject(schema) && schema['default'] !== undefined ? [[name, schema['default']] as const] : [],
  )
  return { ...Object.fromEntries(defaults), ...given }
}
