import { Command } from 'commander'
import { CLIENT_FORMATS } from '../../registry/clients/client-formats.ts'
import { asJson, type CliContext, rowsFor } from '../context.ts'
import { isThere } from '../input/file-text.ts'
import { placesOf } from './places.ts'

/** `client list`: the clients that are known, and which of their files are on this machine. */
export function listCommand(context: CliContext): Command {
  return new Command('list')
    .description('list the known MCP clients, and which of their files are on this machine')
    .option('--json', 'print JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const places = placesOf(context)
      const found = await Promise.all(
        CLIENT_FORMATS.flatMap(({ id, title, files }) =>
          files(places).map(async (file) => ({
            id,
            title,
            file,
            exists: await isThere(file),
          })),
        ),
      )
      const rows = found.map(({ id, title, file, exists }) => [id, title, exists ? 'found' : '', file])
      context.print(
        json === true ? asJson(found) : rowsFor(context, rows, ['CLIENT', 'NAME', 'FILE', 'PATH']),
      )
    })
}
