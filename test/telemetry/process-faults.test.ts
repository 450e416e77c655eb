import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, test } from '@jest/globals'

/** Runs code in a process that supervises its faults; what it logged, and how it ended. */
async function run(code: string): Promise<{ exitCode: unknown; log: unknown[] }> {
  const script = `
    import { createLogger } from './src/telemetry/logger.ts'
    import { superviseFaults } from './src/telemetry/process-faults.ts'
    const logger = createLogger({ level: 'info', format: 'json' })
    superviseFaults({ logger, exitCode: 70 })
    ${code}
  `
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    cwd: join(import.meta.dirname, '../..'),
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const closed = once(child, 'close')
  const stderr = await text(child.stderr)
  const exitCode: unknown = (await closed)[0]
  const lines = stderr.split('\n').filter((line) => line.startsWith('{'))
  return { exitCode, log: lines.map((line) => JSON.parse(line) as unknown) }
}

test('a promise that is rejected and that nobody looks at is logged with its place, and ends nothing', async () => {
  const { exitCode, log } = await run(`
    void Promise.reject(new Error('a token was refused'))
    setTimeout(() => logger.info('still serving'), 50)
  `)
  expect(exitCode).toBe(0)
  expect(log).toMatchObject([
    {
      level: 'error',
      msg: 'a promise rejection was not handled; the gateway keeps running',
      err: { message: 'a token was refused', stack: expect.stringContaining('at ') },
    },
    { level: 'info', msg: 'still serving' },
  ])
})

test('an exception that is not caught ends the process, after a line with its place', async () => {
  const { exitCode, log } = await run(`
    setTimeout(() => { throw new Error('a slip') })
    setTimeout(() => logger.info('still serving'), 5000)
  `)
  expect(exitCode).toBe(70)
  expect(log).toMatchObject([
    {
      level: 'fatal',
      msg: 'an exception was not caught; the gateway exits',
      err: { message: 'a slip', stack: expect.stringContaining('at ') },
    },
  ])
})
