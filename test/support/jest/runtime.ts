import { createRequire, registerHooks } from 'node:module'
import { pathToFileURL } from 'node:url'
import type Jest from 'jest-runtime'
import { startCoverage, takeCoverage } from './coverage.ts'
import { running } from './globals.ts'

const require = createRequire(import.meta.url)
// Its types are those of CommonJS.
const { default: Runtime } = require('jest-runtime') as typeof Jest
const GLOBALS = new URL('globals.ts', import.meta.url).href
const TESTS = new URL('../../', import.meta.url).href
/** Under which Circus keeps the listeners of a file's run. */
const LISTENERS = Symbol.for('EVENT_HANDLERS')

/** Which of the files of this process runs now. */
let file = 0

// What tests import from other files of `test/` is evaluated for each of them: it may register hooks, and has state.
registerHooks({
  resolve: (specifier, context, next) => {
    if (specifier === '@jest/globals') return { url: GLOBALS, shortCircuit: true }
    const found = next(specifier, context)
    const isOfTest = context.parentURL !== import.meta.url && found.url.startsWith(TESTS)
    return isOfTest ? { ...found, url: `${found.url}?file=${file}` } : found
  },
})

/**
 * Loads test files as Node loads modules, instead of each with copies of all modules of its own: what they import of
 * `src/` and of packages is evaluated once per process. Nothing here mocks modules, and the state of modules is theirs.
 */
// oxlint-disable-next-line import/no-default-export -- Jest takes a runtime that is the default export
export default class SharedModulesRuntime extends Runtime {
  readonly #env = { ...process.env }
  #covered: ReturnType<Jest.default['getAllV8CoverageInfoCopy']> = []

  /** Circus itself has the state of one run, and is evaluated for each. */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- so it is declared
  override requireInternalModule<T>(from: string, to?: string): T {
    if (to !== undefined) return super.requireInternalModule<T>(from, to)
    Reflect.deleteProperty(require.cache, from)
    Reflect.set(globalThis, LISTENERS, undefined)
    return require(from) as T
  }

  override setGlobalsForRuntime(globals: Parameters<Jest.default['setGlobalsForRuntime']>[0]): void {
    super.setGlobalsForRuntime(globals)
    running.globals = globals
  }

  override unstable_shouldLoadAsEsm(path: string): boolean {
    return path.endsWith('.ts')
  }

  override async unstable_importModule(from: string): Promise<void> {
    file += 1
    await import(pathToFileURL(from).href)
  }

  override async collectV8Coverage(): Promise<void> {
    await startCoverage()
  }

  override async stopCollectingV8Coverage(): Promise<void> {
    this.#covered = await takeCoverage()
  }

  override getAllV8CoverageInfoCopy(): ReturnType<Jest.default['getAllV8CoverageInfoCopy']> {
    return this.#covered
  }

  override teardown(): void {
    for (const name of Object.keys(process.env)) if (!(name in this.#env)) delete process.env[name]
    Object.assign(process.env, this.#env)
    super.teardown()
  }
}
