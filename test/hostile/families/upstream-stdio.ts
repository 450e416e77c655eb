import { join } from 'node:path'
import type { Expected, Family, Row } from '../row.ts'
import { EVIL } from './upstream-http.ts'

const PROGRAM = join(import.meta.dirname, '../servers/stdio.ts')
const PROCESS = { transport: 'stdio', command: process.execPath, era: 'legacy', ...EVIL }

/** Servers as processes: one for what does no harm to the process, one for what ends it, and odd starts. */
export const PROCESSES = {
  calm: { document: { ...PROCESS, args: [PROGRAM] } },
  mortal: { document: { ...PROCESS, args: [PROGRAM], lifecycle: { maxRestarts: 100 } } },
  flooding: { document: { ...PROCESS, args: [PROGRAM], lifecycle: { maxRestarts: 100 } } },
  chatty: { document: { ...PROCESS, args: [PROGRAM, 'chatty'] } },
}

/** The answer stands behind a flood: a quick machine gets to it in time. */
const FLOODED: Expected = { otherwise: '200 {"content":[{"type":"text","text":"flooded"}],"isError":false}' }

const ANSWERED: Readonly<Record<string, readonly [string, Expected?]>> = {
  'calm: right': ['200 {"content":[{"type":"text","text":"right"}],"isError":false}'],
  'calm: never': [
    '504 upstream_timeout: Server calm did not respond in time {"server":"calm","mayHaveExecuted":true}',
  ],
  'calm: large-11-mb': [
    '502 response_too_large: The response of server calm is too large {"server":"calm","mayHaveExecuted":true}',
  ],
  'calm: foreign-id': [
    '504 upstream_timeout: Server calm did not respond in time {"server":"calm","mayHaveExecuted":true}',
  ],
  'calm: text-id': ['200 {"content":[{"type":"text","text":"TEXT"}],"isError":false}'],
  'calm: null-id': [
    '504 upstream_timeout: Server calm did not respond in time {"server":"calm","mayHaveExecuted":true}',
  ],
  'calm: both': [
    '502 upstream_bad_response: Server calm returned an invalid response {"server":"calm","mayHaveExecuted":true}',
  ],
  'calm: no-content': ['200 {"isError":false}'],
  'calm: twice': ['200 {"content":[{"type":"text","text":"first"}],"isError":false}'],
  'calm: half-utf8': ['200 {"content":[{"type":"text","text":"right"}],"isError":false}'],
  'calm: line-feeds-of-windows': ['200 {"content":[{"type":"text","text":"right"}],"isError":false}'],
  'calm: pieces': ['200 {"content":[{"type":"text","text":"right"}],"isError":false}'],
  'calm: asks': ['200 {"content":[{"type":"text","text":"asked"}],"isError":false}'],
  'calm: stderr-flood': ['200 {"content":[{"type":"text","text":"said"}],"isError":false}'],
  'calm: children': ['200 {"content":[{"type":"text","text":"forked"}],"isError":false}'],
  'calm: right after all': ['200 {"content":[{"type":"text","text":"right"}],"isError":false}'],
  'chatty: right': ['200 {"content":[{"type":"text","text":"right"}],"isError":false}'],
  'flooding: notifications-200k': [
    '504 upstream_timeout: Server flooding did not respond in time {"server":"flooding","mayHaveExecuted":true}',
    FLOODED,
  ],
  'flooding: changes-20k': [
    '504 upstream_timeout: Server flooding did not respond in time {"server":"flooding","mayHaveExecuted":true}',
    FLOODED,
  ],
  'flooding: empty-lines-1m': [
    '504 upstream_timeout: Server flooding did not respond in time {"server":"flooding","mayHaveExecuted":true}',
    FLOODED,
  ],
  'flooding: objects-200k': [
    '504 upstream_timeout: Server flooding did not respond in time {"server":"flooding","mayHaveExecuted":true}',
    FLOODED,
  ],
  'flooding: garbage-200k': [
    '504 upstream_timeout: Server flooding did not respond in time {"server":"flooding","mayHaveExecuted":true}',
    FLOODED,
  ],
  'flooding: asks-10k': [
    '504 upstream_timeout: Server flooding did not respond in time {"server":"flooding","mayHaveExecuted":true}',
    { otherwise: '200 {"content":[{"type":"text","text":"asked"}],"isError":false}' },
  ],
  'flooding: endless-line': [
    '504 upstream_timeout: Server flooding did not respond in time {"server":"flooding","mayHaveExecuted":true}',
  ],
  'mortal: dies': [
    '503 upstream_unavailable: Server mortal is unavailable {"server":"mortal","mayHaveExecuted":true}',
  ],
  'mortal: aborts': [
    '503 upstream_unavailable: Server mortal is unavailable {"server":"mortal","mayHaveExecuted":true}',
  ],
  'mortal: killed-itself': [
    '503 upstream_unavailable: Server mortal is unavailable {"server":"mortal","mayHaveExecuted":true}',
  ],
  'mortal: deaf': ['200 {"content":[{"type":"text","text":"deaf now"}],"isError":false}'],
  'mortal: never': [
    '504 upstream_timeout: Server mortal did not respond in time {"server":"mortal","mayHaveExecuted":true}',
  ],
}

const CALLS: readonly (readonly [string, readonly string[]])[] = [
  [
    'calm',
    [
      'right',
      'never',
      'large-11-mb',
      'foreign-id',
      'text-id',
      'null-id',
      'both',
      'no-content',
      'twice',
      'half-utf8',
      'line-feeds-of-windows',
      'pieces',
      'asks',
      'stderr-flood',
      'children',
      'right',
    ],
  ],
  ['chatty', ['right']],
  [
    'flooding',
    [
      'notifications-200k',
      'changes-20k',
      'empty-lines-1m',
      'objects-200k',
      'garbage-200k',
      'asks-10k',
      'endless-line',
    ],
  ],
  ['mortal', ['dies', 'aborts', 'killed-itself', 'deaf', 'never']],
]

const ROWS: readonly Row[] = CALLS.flatMap(([server, tools]) =>
  tools.map((tool, at): Row => {
    const what = `${server}: ${tool}${tool === 'right' && at > 0 ? ' after all' : ''}`
    return {
      what,
      // A process that has ended is started again, which calls do not wait for.
      send: (world, id) => world.whenReady(server, () => world.call(`${server}_${tool}`, {}, id)),
      answer: ANSWERED[what]?.[0] ?? '?',
      records: 1,
      isBounded: true,
      ...ANSWERED[what]?.[1],
    }
  }),
)

/** What servers that are processes do. */
export const upstreamStdio: Family = { name: 'servers over stdio', isTimed: true, rows: () => ROWS }
