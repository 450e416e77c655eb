import { execFile, spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { EVERY_PROGRAM, type LaunchPolicy } from '../../../src/domain/launch/launch-policy.ts'
import type { ServerDefinition } from '../../../src/domain/documents/server-definition.ts'
import { limited } from '../../../src/upstream/stdio/confinement.ts'
import { launchOf } from '../../../src/upstream/stdio/launch.ts'
import { describeWhere } from '../../support/describe-where.ts'
import { definitionOf } from '../../support/server-definitions.ts'

const run = promisify(execFile)
let dataDir = ''

beforeAll(async () => {
  dataDir = await realpath(await mkdtemp(join(tmpdir(), 'tool-gateway-launch-')))
  await writeFile(join(dataDir, 'private.key'), 'secret')
})
afterAll(() => rm(dataDir, { recursive: true, force: true }))

type Stdio = Extract<ServerDefinition, { transport: 'stdio' }>

function program(fields: Record<string, unknown>): Stdio {
  return definitionOf({ name: 'files', transport: 'stdio', ...fields }) as Stdio
}

/** What a script in a program that is started so prints. */
async function printed(
  script: string,
  fields: Record<string, unknown>,
  policy = EVERY_PROGRAM,
): Promise<string> {
  const server = program({ command: process.execPath, args: ['-e', script], ...fields })
  const packages = { nodeModules: [], installed: join(dataDir, 'packages') }
  const { command, args, cwd, env } = await launchOf(server, packages, { policy, dataDir, hidden: [] })
  const { stdout } = await run(command, [...args], { cwd, env: { PATH: process.env['PATH'], ...env } })
  return stdout.trim()
}

test('a program without limits and sandbox is started as its document says', async () => {
  const packages = { nodeModules: [], installed: '' }
  const server = program({ command: 'x', args: ['y'], cwd: '/srv', env: { A: 'b' } })
  expect(await launchOf(server, packages, { policy: EVERY_PROGRAM, dataDir, hidden: [] })).toEqual({
    command: 'x',
    args: ['y'],
    cwd: '/srv',
    env: { A: 'b' },
  })
})

describe('where only listed programs are started', () => {
  const policy: LaunchPolicy = { ...EVERY_PROGRAM, servers: 'allowlist', programs: [process.execPath] }

  test('each has its own private folder, which is its home', async () => {
    const script = "console.log(process.cwd(), process.env.HOME, (fs.statSync('.').mode & 0o777).toString(8))"
    const folder = join(dataDir, 'work', 'acme', 'files')
    expect(await printed(script, {}, policy)).toBe(`${folder} ${folder} 700`)
    expect(await printed(script, { tenantId: '*' }, policy)).toContain(join(dataDir, 'work', '_all', 'files'))
  })

  test('a document that was read under other settings is not started', async () => {
    await expect(printed('', { env: { LD_PRELOAD: '/tmp/x.so' } }, policy)).rejects.toThrow(
      'it is not started: env.LD_PRELOAD: this variable can make a program run other code',
    )
    await expect(printed('', {}, { ...policy, servers: 'off' })).rejects.toThrow('STDIO_SERVERS')
  })
})

test('limits that the system cannot set are said to be missing, and the program is not started', () => {
  const find = (name: string): string => {
    throw new Error(`no ${name}`)
  }
  expect(() => limited({ command: 'x', args: [] }, { openFiles: 64 }, find)).toThrow('no prlimit')
})

const HAS_PRLIMIT = works('prlimit', '--version')
/** It is installed, and this user may make namespaces. */
const HAS_BWRAP = works('bwrap', '--unshare-all', '--ro-bind', '/', '/', '/bin/true')

function works(command: string, ...args: string[]): boolean {
  return spawnSync(command, args).status === 0
}

describeWhere(HAS_PRLIMIT, 'prlimit')('limits of a document', () => {
  test('are those of the program, which writes no core file', async () => {
    const limits = {
      openFiles: 64,
      processes: 50_000,
      fileBytes: 1_048_576,
      memoryBytes: 4_294_967_296,
      cpuSeconds: 60,
    }
    const found = await printed("console.log(fs.readFileSync('/proc/self/limits', 'utf8'))", { limits })
    expect(found).toMatch(/Max open files +64 +64 /)
    expect(found).toMatch(/Max processes +50000 +50000 /)
    expect(found).toMatch(/Max file size +1048576 +1048576 /)
    expect(found).toMatch(/Max data size +4294967296 +4294967296 /)
    expect(found).toMatch(/Max cpu time +60 +60 /)
    expect(found).toMatch(/Max core file size +0 +0 /)
  })
})

describeWhere(HAS_BWRAP, 'bwrap')('a program in a sandbox', () => {
  const look = `
    const seen = (path) => { try { return fs.readdirSync(path) } catch (error) { return error.code } }
    const write = (path) => { try { fs.writeFileSync(path, ''); return 'written' } catch (error) { return error.code } }
    console.log(JSON.stringify({
      interfaces: Object.keys(os.networkInterfaces()),
      others: fs.readdirSync('/proc').includes(PID),
      etc: write('/etc/written'),
      own: write('written'),
      home: process.env.HOME === process.cwd(),
      data: seen(DATA),
      users: seen('/home'),
    }))`

  test('has no network, sees no other process, writes to its own folder only, and sees nothing of the gateway', async () => {
    const script = look.replace('DATA', JSON.stringify(dataDir)).replace('PID', `'${process.pid}'`)
    expect(JSON.parse(await printed(script, { sandbox: {} }))).toEqual({
      interfaces: ['lo'],
      others: false,
      etc: 'EROFS',
      own: 'written',
      home: true,
      data: ['work'],
      users: [],
    })
  })

  test('sees and writes what its document says, and nothing else of that folder', async () => {
    const shared = await mkdtemp(join(tmpdir(), 'tool-gateway-shared-'))
    await mkdir(join(shared, 'in'))
    await mkdir(join(shared, 'out'))
    await writeFile(join(shared, 'in', 'a'), 'a')
    await writeFile(join(shared, 'private'), 'b')
    const sandbox = { readable: [join(shared, 'in')], writable: [join(shared, 'out')] }
    const script = `
      process.chdir(${JSON.stringify(shared)})
      fs.writeFileSync('out/b', 'b')
      let refused; try { fs.writeFileSync('in/c', '') } catch (error) { refused = error.code }
      console.log(JSON.stringify([fs.readdirSync('.').sort(), fs.readdirSync('in'), refused]))`
    expect(JSON.parse(await printed(script, { sandbox }))).toEqual([['in', 'out'], ['a'], 'EROFS'])
    await rm(shared, { recursive: true })
  })

  test('is in one by setting, even where its document has none', async () => {
    const script = 'console.log(Object.keys(os.networkInterfaces()).join())'
    expect(await printed(script, {}, { ...EVERY_PROGRAM, needsSandbox: true })).toBe('lo')
  })
})
