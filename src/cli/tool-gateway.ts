#!/usr/bin/env node
import { keepCompiled } from '../config/compile-cache.ts'

/** For output to be read; only what was given up may still be running then, and it must not keep the process. */
const EXIT_MS = 500

await keepCompiled(process.env)
const { run } = await import('./program.ts')
const { confirmAtTerminal } = await import('./confirm.ts')

process.exitCode = await run(process.argv.slice(2), {
  env: process.env,
  print: (text) => process.stdout.write(text),
  printError: (text) => process.stderr.write(text),
  ...(process.stdout.isTTY && { columns: process.stdout.columns || 80 }),
  ...(process.stdin.isTTY && process.stderr.isTTY && { confirm: confirmAtTerminal }),
})
setTimeout(() => process.exit(), EXIT_MS).unref()
