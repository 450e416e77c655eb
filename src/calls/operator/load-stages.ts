import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { SettingsError } from '../../config/load.ts'
import type { Clock } from '../../domain/clock.ts'
import { GatewayError, messageOf } from '../../domain/errors/errors.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Stage } from '../stage.ts'
import type { CreateStage, OperatorStage, StageContext } from './operator-stage.ts'
import { ownStage } from './own-stage.ts'

interface LoadOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly onClose: (name: string, close: () => Promise<void> | void) => void
}

/**
 * Loads the operator's own stages, in order.
 * @param modules paths of files, each of which exports `createStage`
 * @throws SettingsError with every module that cannot be used
 */
export async function loadStages(modules: readonly string[], options: LoadOptions): Promise<Stage[]> {
  const problems: string[] = []
  const stages: Stage[] = []
  for (const module of modules) {
    try {
      const create = await createStageOf(module)
      const run: unknown = await create(contextOf(module, options))
      if (!isStage(run)) throw new Error('createStage does not return a function')
      stages.push(ownStage(run, { module, clock: options.clock }))
    } catch (error) {
      problems.push(`${module}: ${messageOf(error)}`)
    }
  }
  if (problems.length === 0) return stages
  throw new SettingsError(
    problems.map((problem) => ({
      name: 'CALL_STAGES',
      expected: `modules that export createStage (${problem})`,
    })),
  )
}

async function createStageOf(module: string): Promise<CreateStage> {
  const loaded: unknown = await import(pathToFileURL(resolve(module)).href)
  const create: unknown =
    typeof loaded === 'object' && loaded !== null && 'createStage' in loaded ? loaded.createStage : undefined
  if (!isCreateStage(create)) throw new Error('it does not export a function createStage')
  return create
}

/** A function cannot be checked further; what it returns is checked at each call. */
function isCreateStage(value: unknown): value is CreateStage {
  return typeof value === 'function'
}

function isStage(value: unknown): value is OperatorStage {
  return typeof value === 'function'
}

function contextOf(module: string, { logger, onClose }: LoadOptions): StageContext {
  return {
    logger: logger.child({ stage: module }),
    refuse: (reason) => new GatewayError('forbidden', reason.slice(0, 1000)),
    onClose: (close) => onClose(`stage ${module}`, close),
  }
}
