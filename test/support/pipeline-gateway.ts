import { cp, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'yaml'
import { collectReports, type Reports } from './reports.ts'
import { type Documents, startTestGateway, type TestGateway } from './start-gateway.ts'
import { chattyHttp } from './upstreams/chatty-http.ts'

const ROOT = join(import.meta.dirname, '../..')
const INPUT = {
  type: 'object',
  required: ['who'],
  properties: { who: { type: 'string' } },
  additionalProperties: false,
}

/** A gateway with the servers and the pipeline of the shipped example, in a folder of its own, and two more. */
export interface PipelineGateway extends TestGateway {
  /** With a small repository in `repository`, and `documents` for documents. */
  readonly folder: string
  readonly servers: Documents
  readonly pipelines: Documents
  /** Of the server `chatty`, whose calls last until they are cancelled. */
  readonly reports: Reports
}

/** Beside `documentation`: `hold`, whose second step lasts until it is cancelled, and `note`. */
export async function startPipelineGateway(): Promise<PipelineGateway> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'pipelines-')))
  await cp(join(ROOT, 'src', 'pipelines'), join(folder, 'repository', 'src'), { recursive: true })
  await mkdir(join(folder, 'documents'))
  await writeFile(
    join(folder, 'repository', 'README.md'),
    '# Pipelines of tools\n\nHow calls are chained, one after the other.\n',
  )
  const reports = await collectReports()
  const chatty = await chattyHttp('legacy', reports.url)
  const example = parse(await readFile(join(ROOT, 'examples', 'pipelines.yaml'), 'utf8')) as {
    servers: Documents
    pipelines: Documents
  }
  const servers = {
    ...example.servers,
    files: { ...example.servers['files'], args: [folder] },
    chatty: { transport: 'streamable-http', url: chatty.url },
  }
  const pipelines = {
    ...example.pipelines,
    hold: {
      inputSchema: INPUT,
      steps: [
        { id: 'think', tool: 'thinking_sequentialthinking', arguments: thought('before ${input.who}') },
        { id: 'hold', tool: 'chatty_identify', arguments: { who: '${input.who}' } },
        { id: 'after', tool: 'chatty_identify', arguments: { who: 'after ${input.who}' } },
      ],
    },
    note: {
      inputSchema: INPUT,
      requiredRoles: ['reader'],
      steps: [{ id: 'think', tool: 'thinking_sequentialthinking', arguments: thought('${input.who}') }],
      output: { said: '${input.who}', number: '${steps.think.data.thoughtNumber}' },
    },
  }
  const gateway = await startTestGateway(servers, { pipelines })
  return {
    ...gateway,
    folder,
    servers,
    pipelines,
    reports,
    close: async () => {
      await gateway.close()
      await Promise.all([chatty.close(), reports.close()])
      await rm(folder, { recursive: true })
    },
  }
}

/** Arguments of the tool of sequential-thinking. */
export function thought(text: string): object {
  return { thought: text, thoughtNumber: 1, totalThoughts: 1, nextThoughtNeeded: false }
}
