import type { MatrixClient } from './matrix-client.ts'

/** What came of one client, in each world. */
export interface Row {
  readonly client: MatrixClient
  /** Without `asked` where it failed. */
  readonly cells: { readonly world: string; readonly asked?: string }[]
}

/** As Markdown, so that it can go into the documentation as it is. */
export function table(rows: readonly Row[]): string[] {
  const worlds = rows[0]?.cells.map(({ world }) => world) ?? []
  const head = ['Client', 'Version', 'What the person was asked', ...worlds]
  const body = rows.map(({ client, cells }) => [
    client.name,
    client.version,
    cells.find(({ asked }) => asked !== undefined)?.asked ?? '',
    ...cells.map(({ asked }) => (asked === undefined ? 'no' : 'yes')),
  ])
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...body.map(line)]
}
