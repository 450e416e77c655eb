#!/usr/bin/env node
import { keepCompiled } from '../config/compile-cache.ts'
import { setUpHeap } from '../config/heap.ts'

/** For output to be read; only what was given up may still be running then, and it must not keep the process. */
const EXIT_MS = 500

// Whoever reads the output, such as `head`, may have enough of it. What was found out is the same without messages.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit()
})
process.stderr.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})
const [command] = process.argv.slice(2)
if (command === 'serve') setUpHeap(process.env)
await keepCompiled(process.env)
const { run } = await import('./program.ts')

process.exitCode = await run(process.argv.slice(2), {
  env: process.env,
  print: (text) => process.stdout.write(text),
  printError: (text) => process.stderr.write(text),
  ...(process.stdout.isTTY && { columns: process.stdout.columns || 80 }),
  ...(process.stdin.isTTY && process.stderr.isTTY && { confirm: confirmAtTerminal }),
})
setTimeout(() => process.exit(), EXIT_MS).unref()

/** Asks at the terminal; anything but yes means no. The question goes to standard error, so that output stays clean. */
async function confirmAtTerminal(question: string): Promise<boolean> {
  const { createInterface } = await import('node:readline/promises')
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim())
  } finally {
    terminal.close()
  }
}
