import { keepCompiled } from './config/compile-cache.ts'
import { boundYoung, setUpHeap } from './config/heap.ts'

setUpHeap(process.env)
// Before anything else is loaded, because loading is most of the work of a start.
await keepCompiled(process.env)
const { serve } = await import('./serve.ts')

const endBound = boundYoung(process.env)
const exitCode = await serve(process.env)
endBound()
process.exit(exitCode)
