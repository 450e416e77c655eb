#!/usr/bin/env node
import { enableCompileCache } from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** For output to be read; only what was given up may still be running then, and it must not keep the process. */
const EXIT_MS = 500

// In a folder of the user, because code that others could put there would be run.
enableCompileCache(join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'tool-gateway'))
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
