/** The sample server over stdio, which starts only while the file is there that the last argument names. */
import { existsSync } from 'node:fs'

const file = process.argv.pop() ?? ''
if (existsSync(file)) await import('./sample-stdio.ts')
else {
  process.stderr.write('the switch is off\n')
  process.exit(1)
}
