/**
 * A program with a gateway inside: it starts one on a free port, makes a token for a user of its own, calls a tool over
 * REST as that user, and ends it. docs/embedding.md explains it. Run it with `node examples/embedded/main.ts`.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
// In a program of your own: import { startGateway } from 'tool-gateway'
import { startGateway } from '../../src/embedding.ts'

const dataDir = await mkdtemp(join(tmpdir(), 'embedded-gateway-'))
const registryFile = join(dataDir, 'registry.yaml')
await writeFile(
  registryFile,
  `servers:
  memory:
    package: '@modelcontextprotocol/server-memory'
    transport: stdio
    env: { MEMORY_FILE_PATH: ${join(dataDir, 'memory.jsonl')} }
    requiredRoles: [writer]
`,
)

const ready = Promise.withResolvers<void>()
const gateway = await startGateway({
  settings: {
    PORT: '0',
    METRICS_PORT: 'off',
    DATA_DIR: dataDir,
    REGISTRY_FILE: registryFile,
    DRAIN_NOTICE_MS: '0', // no load balancer has to notice that it ends
  },
  log: new PassThrough().resume(), // this example prints only what it does itself
  onServerState: ({ name, state }) => {
    console.log(`${name} is ${state}`)
    if (state === 'ready') ready.resolve()
  },
})
try {
  await ready.promise
  const token = await gateway.token({ subject: 'ann', roles: ['writer'] })
  const answer = await fetch(`${gateway.url}/v1/tools/memory_create_entities`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      arguments: { entities: [{ name: 'gateway', entityType: 'program', observations: ['runs inside'] }] },
    }),
  })
  console.log(answer.status, JSON.stringify(await answer.json()))
} finally {
  await gateway.close()
  await rm(dataDir, { recursive: true })
}
