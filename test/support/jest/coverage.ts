import { type Profiler, Session } from 'node:inspector/promises'
import { fileURLToPath } from 'node:url'

type Covered = { readonly codeTransformResult: undefined; readonly result: Profiler.ScriptCoverage }

const SOURCES = new URL('../../../src/', import.meta.url).href
let session: Session | undefined

/**
 * Starts counting, or counts from zero. It goes on between the files of a process, because V8 forgets the blocks of
 * what has been compiled when it stops.
 */
export async function startCoverage(): Promise<void> {
  if (session !== undefined) return void (await takeCoverage())
  session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
}

/** What of `src/` has run since counting began, in the form in which Jest's reporter takes it. */
export async function takeCoverage(): Promise<Covered[]> {
  const { result = [] } = (await session?.post('Profiler.takePreciseCoverage')) ?? {}
  return result
    .filter(({ url }) => url.startsWith(SOURCES))
    .map((script) => ({
      codeTransformResult: undefined,
      result: { ...script, url: fileURLToPath(script.url) },
    }))
}
