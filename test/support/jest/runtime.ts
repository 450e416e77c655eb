import { readFileSync } from 'node:fs'
import { createRequire, registerHooks, stripTypeScriptTypes } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type Jest from 'jest-runtime'
import { startCoverage, takeCoverage } from './coverage.ts'
import { running } from './globals.ts'

const require = createRequire(import.meta.url)
// Its types are those of CommonJS.
const { default: Runtime } = require('jest-runtime') as typeof Jest
const GLOBALS = new URL('globals.ts', import.meta.url).href
const TESTS = new URL('../../', import.meta.url).href
/** Files that have no state and no hooks, and take long to evaluate: evaluated once per process, as those of `src/` are. */
const SHARED = new URL('../shared/', import.meta.url).href
/** The JavaScript of files of `test/`, which most test files load again, each under an address that no cache knows. */
const stripped = new Map<string, string>()
/** Under which Circus keeps the listeners of a file's run. */
const LISTENERS = Symbol.for('EVENT_HANDLERS')

const { NODE_COMPILE_CACHE, TEST_COMPILE_CACHE } = process.env
// Node has read its own variable by now: this one is for the processes that tests start.
if (NODE_COMPILE_CACHE === undefined && TEST_COMPILE_CACHE !== undefined)
  process.env['NODE_COMPILE_CACHE'] = TEST_COMPILE_CACHE

// Its first call warns that it is experimental.
const emitWarning = process.emitWarning.bind(process)
process.emitWarning = () => undefined
stripTypeScriptTypes('')
process.emitWarning = emitWarning

/** Which of the files of this process runs now. */
let file = 0
const PER_FILE = '?file='

// What tests import from other files of `test/` is evaluated for each of them: it may register hooks, and has state.
registerHooks({
  resolve: (specifier, context, next) => {
    if (specifier === '@jest/globals') return { url: GLOBALS, shortCircuit: true }
    const found = next(specifier, context)
    const isOfTest = context.parentURL !== import.meta.url && isForEachFile(found.url)
    return isOfTest ? { ...found, url: `${found.url}${PER_FILE}${file}` } : found
  },
  load: (url, context, next) => {
    const [address = url, number] = url.split(PER_FILE)
    if (number === undefined || !address.endsWith('.ts')) return next(url, context)
    const source = stripped.get(address) ?? stripTypeScriptTypes(readFileSync(fileURLToPath(address), 'utf8'))
    stripped.set(address, source)
    return { format: 'module', source, shortCircuit: true }
  },
})

function isForEachFile(url: string): boolean {
  return url.startsWith(TESTS) && !url.startsWith(SHARED)
}

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
    // Lines are exact without maps of sources, which Jest would ask for each place in the stack of each error.
    Object.assign(Error, { prepareStackTrace: undefined, stackTraceLimit: 20 })
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
