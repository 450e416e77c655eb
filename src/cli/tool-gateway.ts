#!/usr/bin/env node
import { confirmAtTerminal } from './confirm.ts'
import { run } from './program.ts'

/** For output to be read; only what was given up may still be running then, and it must not keep the process. */
const EXIT_MS = 500

process.exitCode = await run(process.argv.slice(2), {
  env: process.env,
  print: (text) => process.stdout.write(text),
  printError: (text) => process.stderr.write(text),
  ...(process.stdin.isTTY && process.stderr.isTTY && { confirm: confirmAtTerminal }),
})
setTimeout(() => process.exit(), EXIT_MS).unref()
