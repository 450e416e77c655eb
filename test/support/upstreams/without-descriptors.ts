/**
 * Uses up all file descriptors of this process, tries to start a server and to install a package, gives them back and
 * tries again; prints what came of each as JSON. Run it with a low limit of descriptors.
 */
import { closeSync, openSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { systemClock } from '../../../src/domain/clock.ts'
import { messageOf } from '../../../src/domain/errors/errors.ts'
import { isShortage } from '../../../src/upstream/stdio/spawn-failure.ts'
import { StdioTransport } from '../../../src/upstream/stdio/stdio-transport.ts'
import { npmInstall } from '../../../src/upstream/packages/npm.ts'

async function start(): Promise<string> {
  const transport = new StdioTransport({
    command: { command: 'cat', args: [], cwd: undefined, env: {} },
    maxMessageBytes: 1000,
    clock: systemClock,
  })
  try {
    await transport.start()
    return 'started'
  } catch (error) {
    return `${messageOf(error)}${isShortage(error) ? ' (shortage)' : ''}`
  } finally {
    await transport.close()
  }
}

async function install(): Promise<string> {
  const { signal } = new AbortController()
  const folder = tmpdir()
  const options = { folder, spec: 'x', runsScripts: false, timeoutMs: 5000, maxBytes: 1, signal }
  return npmInstall({ ...options, clock: systemClock, onFetched: () => undefined }).then(
    () => 'installed',
    messageOf,
  )
}

const taken: number[] = []
try {
  for (;;) taken.push(openSync('/dev/null', 'r'))
} catch {
  // There are no more.
}
const without = [await start(), await install()]
for (const descriptor of taken) closeSync(descriptor)
process.stdout.write(JSON.stringify([...without, await start()]))
