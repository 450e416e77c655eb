/** The echo server over stdio. Arguments: the number of tools and the era. */
import { createInterface } from 'node:readline'
import { answerTo, type EchoOptions } from './echo.ts'

const [tools = '10', era = 'modern'] = process.argv.slice(2)
const options: EchoOptions = { tools: Number(tools), era: era === 'legacy' ? 'legacy' : 'modern' }

createInterface({ input: process.stdin }).on('line', (line) => {
  const message = answerTo(line, options)
  if (message !== undefined) process.stdout.write(`${message}\n`)
})
