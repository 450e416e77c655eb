/** The server of `heavy-server.ts` over stdio. */
import { createInterface } from 'node:readline'
import { heavyAnswer } from './heavy-server.ts'

createInterface({ input: process.stdin }).on('line', (line) => {
  const answer = heavyAnswer(line)
  if (answer !== undefined) process.stdout.write(`${answer}\n`)
})
